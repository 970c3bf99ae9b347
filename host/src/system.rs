//! What Linux gives to lua-core's library: files, processes, names, time, environment.
//!
//! Must never end the process: `os.exit` is noted here, and `session` sees to the rest,
//! so that buffered output and `--stats` aren't lost. Made by `session`.

use crate::output::Output;
use crate::streams::Stream;
use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use lua_core::system::{Buffering, Date, FileId, OpenMode, SeekFrom, System, SystemError, Tell};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};

/// Attempts to find a name for a temporary file that nobody uses.
const ATTEMPTS: u32 = 100;

const READ: OpenMode = OpenMode {
    read: true,
    write: false,
    truncate: false,
    create: false,
    append: false,
};
const WRITE: OpenMode = OpenMode {
    read: false,
    write: true,
    ..READ
};
const BOTH: OpenMode = OpenMode {
    write: true,
    ..READ
};

/// Processor time of the process in seconds: the `clock` hook of lua-core.
pub fn processor_time(_: *mut c_void) -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

/// The operating system, as lua-core sees it.
pub struct Host {
    output: &'static Output,
    /// By number. Place 1, standard output's, stays empty.
    streams: RefCell<Vec<Option<Stream>>>,
    exit: Cell<Option<i32>>,
    /// Names of temporary files so far.
    names: Cell<u32>,
}

fn refuse(errno: Errno) -> SystemError {
    SystemError(errno.raw_os_error())
}

fn refuse_io(error: &std::io::Error) -> SystemError {
    SystemError(error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()))
}

impl Host {
    /// With the three standard files.
    pub fn new(output: &'static Output) -> Host {
        let input = Stream::standard(rustix::stdio::stdin(), READ, Buffering::Full);
        let error = Stream::standard(rustix::stdio::stderr(), WRITE, Buffering::No);
        Host {
            output,
            streams: RefCell::new(vec![Some(input), None, Some(error)]),
            exit: Cell::new(None),
            names: Cell::new(0),
        }
    }

    /// The status that `os.exit` was called with, if it was.
    pub fn exit_asked(&self) -> Option<i32> {
        self.exit.get()
    }

    /// Writes what all files have buffered; closes pipes and waits for their processes
    /// unless the program asked to end at once.
    pub fn finish(&self) {
        let mut streams = self.streams.borrow_mut();
        for stream in streams.iter_mut() {
            // As when C's `exit` closes files: nobody is left to tell.
            if self.exit.get().is_some() {
                let _ = stream.as_mut().map(Stream::flush);
            } else {
                let _ = stream.take().map(Stream::close);
            }
        }
    }

    fn add(&self, stream: Stream) -> FileId {
        let mut streams = self.streams.borrow_mut();
        let free = (3..streams.len()).find(|&i| streams[i].is_none());
        let i = free.unwrap_or(streams.len());
        if free.is_none() {
            streams.push(None);
        }
        streams[i] = Some(stream);
        FileId(i as u32)
    }

    fn with<T>(
        &self,
        file: FileId,
        act: impl FnOnce(&mut Stream) -> Result<T, Errno>,
    ) -> Result<T, SystemError> {
        let mut streams = self.streams.borrow_mut();
        let stream = streams.get_mut(file.0 as usize).and_then(Option::as_mut);
        stream.ok_or(Errno::BADF).and_then(act).map_err(refuse)
    }

    /// A new file in the folder for temporary ones, and its name.
    fn make_temporary(&self) -> Result<(OwnedFd, String), SystemError> {
        for _ in 0..ATTEMPTS {
            let n = self.names.get();
            self.names.set(n.wrapping_add(1));
            let now = clock_gettime(ClockId::Realtime);
            let seed = (now.tv_nsec as u64) ^ (u64::from(std::process::id()) << 32) ^ u64::from(n);
            let mut rest = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let mut name = String::from("/tmp/lua_");
            for _ in 0..6 {
                let digit = char::from_digit((rest % 36) as u32, 36).unwrap_or('0');
                name.push(digit);
                rest /= 36;
            }
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            match rustix::fs::open(&name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => return Ok((fd, name)),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(refuse(errno)),
            }
        }
        Err(refuse(Errno::EXIST))
    }
}

/// `tm` of C, with what of it there is in a date.
fn to_tm(date: &Date) -> libc::tm {
    // SAFETY: all zeros is a `tm`: integers and a pointer that is only written.
    let mut tm: libc::tm = unsafe { core::mem::zeroed() };
    tm.tm_sec = date.second;
    tm.tm_min = date.minute;
    tm.tm_hour = date.hour;
    tm.tm_mday = date.day;
    tm.tm_mon = date.month;
    tm.tm_year = date.year;
    tm.tm_wday = date.week_day;
    tm.tm_yday = date.year_day;
    tm.tm_isdst = date.is_summer.map_or(-1, i32::from);
    tm
}

impl System for Host {
    fn describe(&self, error: SystemError, tell: Tell<'_>) {
        // Rust appends " (os error 2)" to the system's words; C doesn't.
        let text = std::io::Error::from_raw_os_error(error.0).to_string();
        let words = text.split(" (os error").next().unwrap_or_default();
        tell(words.as_bytes());
    }

    fn open(&self, name: &[u8], mode: OpenMode) -> Result<FileId, SystemError> {
        let mut flags = OFlags::CLOEXEC;
        flags |= match (mode.read, mode.write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        flags.set(OFlags::CREATE, mode.create);
        flags.set(OFlags::TRUNC, mode.truncate);
        flags.set(OFlags::APPEND, mode.append);
        let fd = rustix::fs::open(name, flags, Mode::from_raw_mode(0o666)).map_err(refuse)?;
        Ok(self.add(Stream::of_file(fd, mode)))
    }

    fn open_process(&self, command: &[u8], mode: OpenMode) -> Result<FileId, SystemError> {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(OsStr::from_bytes(command));
        if mode.write {
            shell.stdin(Stdio::piped());
        } else {
            shell.stdout(Stdio::piped());
        }
        let mut child = shell.spawn().map_err(|e| refuse_io(&e))?;
        let fd: Option<OwnedFd> = if mode.write {
            child.stdin.take().map(OwnedFd::from)
        } else {
            child.stdout.take().map(OwnedFd::from)
        };
        let fd = fd.ok_or(SystemError::INVALID)?;
        Ok(self.add(Stream::of_process(fd, mode, child)))
    }

    fn open_temporary(&self) -> Result<FileId, SystemError> {
        let (fd, name) = self.make_temporary()?;
        rustix::fs::unlink(&name).map_err(refuse)?;
        Ok(self.add(Stream::of_file(fd, BOTH)))
    }

    fn close(&self, file: FileId) -> Result<(), SystemError> {
        let stream = {
            let mut streams = self.streams.borrow_mut();
            streams.get_mut(file.0 as usize).and_then(Option::take)
        };
        stream
            .ok_or(Errno::BADF)
            .and_then(Stream::close)
            .map_err(refuse)
    }

    fn read(&self, file: FileId, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<(), SystemError> {
        self.with(file, |stream| {
            if file == FileId::INPUT && stream.is_empty() && std::io::stdin().is_terminal() {
                // What asks for the input must be seen.
                let _ = self.output.flush();
            }
            stream.read(take)
        })
    }

    fn write(&self, file: FileId, bytes: &[u8]) -> Result<(), SystemError> {
        if file == FileId::OUTPUT {
            return self.output.write(bytes).map_err(refuse);
        }
        self.with(file, |stream| stream.write(bytes))
    }

    fn flush(&self, file: FileId) -> Result<(), SystemError> {
        if file == FileId::OUTPUT {
            return self.output.flush().map_err(refuse);
        }
        self.with(file, Stream::flush)
    }

    fn seek(&self, file: FileId, from: SeekFrom, offset: i64) -> Result<u64, SystemError> {
        if file == FileId::OUTPUT {
            self.output.flush().map_err(refuse)?;
            let to = match from {
                SeekFrom::Start => rustix::fs::SeekFrom::Start(offset.max(0) as u64),
                SeekFrom::Here => rustix::fs::SeekFrom::Current(offset),
                SeekFrom::End => rustix::fs::SeekFrom::End(offset),
            };
            return rustix::fs::seek(rustix::stdio::stdout(), to).map_err(refuse);
        }
        self.with(file, |stream| stream.seek(from, offset))
    }

    fn set_buffering(
        &self,
        file: FileId,
        buffering: Buffering,
        size: usize,
    ) -> Result<(), SystemError> {
        if file == FileId::OUTPUT {
            return self.output.set_buffering(buffering).map_err(refuse);
        }
        self.with(file, |stream| stream.set_buffering(buffering, size))
    }

    fn remove(&self, name: &[u8]) -> Result<(), SystemError> {
        match rustix::fs::unlink(name) {
            // As C's `remove`: folders as well.
            Err(Errno::ISDIR) => rustix::fs::unlinkat(CWD, name, AtFlags::REMOVEDIR),
            other => other,
        }
        .map_err(refuse)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), SystemError> {
        rustix::fs::rename(from, to).map_err(refuse)
    }

    fn temporary_name(&self, tell: Tell<'_>) -> Result<(), SystemError> {
        let (fd, name) = self.make_temporary()?;
        drop(File::from(fd));
        tell(name.as_bytes());
        Ok(())
    }

    fn variable(&self, name: &[u8], tell: Tell<'_>) -> bool {
        if name.is_empty() || name.contains(&b'=') {
            return false;
        }
        match std::env::var_os(OsStr::from_bytes(name)) {
            Some(value) => {
                tell(&value.into_vec());
                true
            }
            None => false,
        }
    }

    fn execute(&self, command: Option<&[u8]>) -> i32 {
        let command = command.map(|c| CString::new(c).unwrap_or_default());
        let text = command.as_ref().map_or(core::ptr::null(), |c| c.as_ptr());
        // SAFETY: a C string that lives until the call ends, or null: both are allowed.
        unsafe { libc::system(text) }
    }

    fn exit(&self, status: i32) {
        self.exit.set(Some(status));
    }

    fn now(&self) -> Option<i64> {
        // As C's `time`: the time of the last tick of the system, which is all a second needs.
        Some(clock_gettime(ClockId::RealtimeCoarse).tv_sec)
    }

    fn date(&self, time: i64, universal: bool) -> Option<Date> {
        let time: libc::time_t = time;
        // SAFETY: all zeros is a `tm`; both functions fill it, or give null. They read the
        // environment, which this program never writes.
        let tm = unsafe {
            let mut tm: libc::tm = core::mem::zeroed();
            let filled = if universal {
                libc::gmtime_r(&raw const time, &raw mut tm)
            } else {
                libc::localtime_r(&raw const time, &raw mut tm)
            };
            if filled.is_null() {
                return None;
            }
            tm
        };
        Some(Date {
            second: tm.tm_sec,
            minute: tm.tm_min,
            hour: tm.tm_hour,
            day: tm.tm_mday,
            month: tm.tm_mon,
            year: tm.tm_year,
            week_day: tm.tm_wday,
            year_day: tm.tm_yday,
            is_summer: (tm.tm_isdst >= 0).then_some(tm.tm_isdst > 0),
        })
    }

    fn time(&self, date: &Date) -> Option<i64> {
        let mut tm = to_tm(date);
        // SAFETY: a `tm` that is ours; `mktime` takes any numbers, and reads the environment,
        // which this program never writes.
        match unsafe { libc::mktime(&raw mut tm) } {
            -1 => None,
            t => Some(t),
        }
    }

    fn format_date(&self, date: &Date, conversion: u8, tell: Tell<'_>) {
        let tm = to_tm(date);
        let format = [b'%' as libc::c_char, conversion as libc::c_char, 0];
        let mut text = [0u8; 200];
        // SAFETY: the buffer with its length, a C string, a whole `tm`.
        let n = unsafe {
            libc::strftime(
                text.as_mut_ptr().cast(),
                text.len(),
                format.as_ptr(),
                &raw const tm,
            )
        };
        tell(text.get(..n).unwrap_or_default());
    }
}
