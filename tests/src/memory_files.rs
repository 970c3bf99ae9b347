//! A system whose files are in memory, whose clock stands still and whose shell knows what
//! the corpus asks of it: runs of one program are the same, and leave nothing behind.
//!
//! Output that isn't to a file is kept. Called by tests that run a program thousands of
//! times in one process.

use core::ffi::c_void;
use lua_core::system::{Date, FileId, OpenMode, SeekFrom, System, SystemError, Tell};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const NOT_FOUND: SystemError = SystemError(2);
const BAD_FILE: SystemError = SystemError(9);
/// The time that `now` tells.
const NOW: i64 = 1_234_567_890;

#[derive(Default)]
struct State {
    output: Vec<u8>,
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    folders: BTreeSet<Vec<u8>>,
    open: Vec<Option<Open>>,
    /// Temporary names given out.
    names: u32,
}

struct Open {
    name: Vec<u8>,
    position: usize,
    mode: OpenMode,
}

/// See the file's header.
#[derive(Default)]
pub struct MemoryFiles(RefCell<State>);

impl MemoryFiles {
    /// Without files and output.
    pub fn clear(&self) {
        *self.0.borrow_mut() = State::default();
    }

    /// What was written to standard output.
    pub fn output(&self) -> Vec<u8> {
        self.0.borrow().output.clone()
    }

    /// The hook `write` of a VM whose context is a `MemoryFiles`.
    pub fn hook(context: *mut c_void, bytes: &[u8]) {
        // SAFETY: the context is a `MemoryFiles` that outlives the VM.
        let files = unsafe { &*context.cast::<MemoryFiles>() };
        files.0.borrow_mut().output.extend_from_slice(bytes);
    }

    fn temporary(&self) -> Vec<u8> {
        let mut state = self.0.borrow_mut();
        state.names += 1;
        let name = format!("/tmp/lua_{:06}", state.names).into_bytes();
        state.files.insert(name.clone(), Vec::new());
        name
    }

    fn with<T>(
        &self,
        file: FileId,
        f: impl FnOnce(&mut Open, &mut Vec<u8>) -> Result<T, SystemError>,
    ) -> Result<T, SystemError> {
        let state = &mut *self.0.borrow_mut();
        let place = (file.0 as usize).checked_sub(3).ok_or(BAD_FILE)?;
        let open = state.open.get_mut(place).and_then(Option::as_mut);
        let open = open.ok_or(BAD_FILE)?;
        // A file that was removed lives until it is closed; here, it starts again.
        let content = state.files.entry(open.name.clone()).or_default();
        f(open, content)
    }
}

fn folder_of(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&b| b == b'/').unwrap_or(0);
    &name[..end]
}

impl System for MemoryFiles {
    fn describe(&self, error: SystemError, tell: Tell<'_>) {
        tell(match error {
            NOT_FOUND => b"No such file or directory",
            BAD_FILE => b"Bad file descriptor",
            _ => b"Invalid argument",
        });
    }

    fn open(&self, name: &[u8], mode: OpenMode) -> Result<FileId, SystemError> {
        let state = &mut *self.0.borrow_mut();
        let folder = folder_of(name);
        let has_folder = folder == b"/tmp" || state.folders.contains(folder);
        let possible = state.files.contains_key(name) || mode.create && has_folder;
        if !possible {
            return Err(NOT_FOUND);
        }
        let content = state.files.entry(name.to_vec()).or_default();
        if mode.truncate {
            content.clear();
        }
        let open = Open {
            name: name.to_vec(),
            position: 0,
            mode,
        };
        let free = state.open.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            state.open.push(None);
            state.open.len() - 1
        });
        state.open[place] = Some(open);
        Ok(FileId(place as u32 + 3))
    }

    /// Writing: `cat > NAME`; reading: `echo A; echo B`.
    fn open_process(&self, command: &[u8], mode: OpenMode) -> Result<FileId, SystemError> {
        let made = OpenMode {
            create: true,
            ..mode
        };
        if mode.write {
            let name = command.strip_prefix(b"cat > ").ok_or(NOT_FOUND)?;
            return self.open(name, made);
        }
        let name = self.temporary();
        let mut text = Vec::new();
        for part in command.split(|&b| b == b';') {
            let words = part.trim_ascii();
            text.extend_from_slice(words.strip_prefix(b"echo ").unwrap_or_default());
            text.push(b'\n');
        }
        self.0.borrow_mut().files.insert(name.clone(), text);
        self.open(&name, made)
    }

    fn open_temporary(&self) -> Result<FileId, SystemError> {
        let name = self.temporary();
        self.open(&name, OpenMode::parse(b"w+")?)
    }

    fn close(&self, file: FileId) -> Result<(), SystemError> {
        self.with(file, |_, _| Ok(()))?;
        self.0.borrow_mut().open[file.0 as usize - 3] = None;
        Ok(())
    }

    fn read(&self, file: FileId, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<(), SystemError> {
        self.with(file, |open, content| {
            if !open.mode.read {
                return Err(BAD_FILE);
            }
            // Pieces, so that lines and numbers lie across their ends.
            let rest = content.get(open.position..).unwrap_or_default();
            let used = take(&rest[..rest.len().min(1000)]);
            open.position += used;
            Ok(())
        })
    }

    fn write(&self, file: FileId, bytes: &[u8]) -> Result<(), SystemError> {
        if file == FileId::OUTPUT || file == FileId::ERROR {
            self.0.borrow_mut().output.extend_from_slice(bytes);
            return Ok(());
        }
        self.with(file, |open, content| {
            if !open.mode.write {
                return Err(BAD_FILE);
            }
            if open.mode.append {
                open.position = content.len();
            }
            let end = open.position + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[open.position..end].copy_from_slice(bytes);
            open.position = end;
            Ok(())
        })
    }

    fn flush(&self, file: FileId) -> Result<(), SystemError> {
        match file.0 {
            0..3 => Ok(()),
            _ => self.with(file, |_, _| Ok(())),
        }
    }

    fn seek(&self, file: FileId, from: SeekFrom, offset: i64) -> Result<u64, SystemError> {
        self.with(file, |open, content| {
            let from = match from {
                SeekFrom::Start => 0,
                SeekFrom::Here => open.position,
                SeekFrom::End => content.len(),
            };
            let to = u64::try_from(from as i64 + offset).map_err(|_| SystemError::INVALID)?;
            open.position = to as usize;
            Ok(to)
        })
    }

    fn set_buffering(
        &self,
        _: FileId,
        _: lua_core::system::Buffering,
        _: usize,
    ) -> Result<(), SystemError> {
        Ok(())
    }

    fn remove(&self, name: &[u8]) -> Result<(), SystemError> {
        let state = &mut *self.0.borrow_mut();
        let gone = state.files.remove(name).is_some() || state.folders.remove(name);
        if gone { Ok(()) } else { Err(NOT_FOUND) }
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), SystemError> {
        let state = &mut *self.0.borrow_mut();
        let content = state.files.remove(from).ok_or(NOT_FOUND)?;
        state.files.insert(to.to_vec(), content);
        Ok(())
    }

    fn temporary_name(&self, tell: Tell<'_>) -> Result<(), SystemError> {
        tell(&self.temporary());
        Ok(())
    }

    fn variable(&self, name: &[u8], tell: Tell<'_>) -> bool {
        if name == b"PATH" {
            tell(b"/bin");
        }
        name == b"PATH"
    }

    /// `mkdir A B`, `rm -r A`, `exit N`; anything else does nothing, well.
    fn execute(&self, command: Option<&[u8]>) -> i32 {
        let Some(command) = command else { return 1 };
        let state = &mut *self.0.borrow_mut();
        let mut words = command.split(|&b| b == b' ');
        match words.next() {
            Some(b"mkdir") => state.folders.extend(words.map(<[u8]>::to_vec)),
            Some(b"rm") => {
                for name in words.skip(1) {
                    let inside = |path: &Vec<u8>| path.starts_with(name);
                    state.files.retain(|path, _| !inside(path));
                    state.folders.retain(|path| !inside(path));
                }
            }
            Some(b"exit") => {
                let status = words.next().and_then(|w| core::str::from_utf8(w).ok());
                return status.and_then(|s| s.parse().ok()).unwrap_or(0) << 8;
            }
            _ => {}
        }
        0
    }

    fn now(&self) -> Option<i64> {
        Some(NOW)
    }

    fn date(&self, time: i64, _universal: bool) -> Option<Date> {
        // SAFETY: all zeros is a `tm`, which the function fills, or it gives null.
        let tm = unsafe {
            let mut tm: libc::tm = core::mem::zeroed();
            if libc::gmtime_r(&raw const time, &raw mut tm).is_null() {
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
            is_summer: Some(false),
        })
    }

    fn time(&self, date: &Date) -> Option<i64> {
        let mut tm = to_tm(date);
        // SAFETY: a `tm` that is ours, with any numbers.
        let time = unsafe { libc::timegm(&raw mut tm) };
        (time != -1).then_some(time)
    }

    fn format_date(&self, date: &Date, conversion: u8, tell: Tell<'_>) {
        let tm = to_tm(date);
        let format = [b'%' as libc::c_char, conversion as libc::c_char, 0];
        let mut text = [0u8; 200];
        let place = text.as_mut_ptr().cast();
        // SAFETY: the buffer with its length, a C string, a whole `tm`.
        let n = unsafe { libc::strftime(place, text.len(), format.as_ptr(), &raw const tm) };
        tell(text.get(..n).unwrap_or_default());
    }
}

fn to_tm(date: &Date) -> libc::tm {
    // SAFETY: all zeros is a `tm`.
    let mut tm: libc::tm = unsafe { core::mem::zeroed() };
    tm.tm_sec = date.second;
    tm.tm_min = date.minute;
    tm.tm_hour = date.hour;
    tm.tm_mday = date.day;
    tm.tm_mon = date.month;
    tm.tm_year = date.year;
    tm.tm_wday = date.week_day;
    tm.tm_yday = date.year_day;
    tm
}
