//! What an operating system, or whatever stands in for one, gives to the library:
//! files, processes, names, the clock, the environment.
//!
//! An embedder that has any of it implements [`System`] and passes it to
//! [`crate::Vm::open_system`], which adds `io`, the rest of `os`, `dofile` and
//! `loadfile`, and lets `require` look for files. Every method has a default that
//! refuses, so a system without processes, or one with read-only files out of ROM,
//! implements only what it has. The library keeps arguments, formats, messages and
//! the objects that Lua sees; a `System` sees bytes, numbers and [`FileId`]s.
//!
//! Must never run Lua from inside a method: methods that take a function call it with
//! bytes only, and that function doesn't come back into the system.

/// An open file: a number that the system chose. 0, 1 and 2 are standard input, output
/// and error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(pub u32);

impl FileId {
    /// Standard input.
    pub const INPUT: FileId = FileId(0);
    /// Standard output.
    pub const OUTPUT: FileId = FileId(1);
    /// Standard error.
    pub const ERROR: FileId = FileId(2);
}

/// Why the system refused: a number of its own (`errno`), which programs get to see.
/// [`System::describe`] has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemError(pub i32);

impl SystemError {
    /// This system has no such thing (`ENOSYS` of Linux).
    pub const NOT_SUPPORTED: SystemError = SystemError(38);
    /// An argument makes no sense (`EINVAL`).
    pub const INVALID: SystemError = SystemError(22);
}

/// How a file is opened: what C's mode string says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMode {
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// Is emptied first.
    pub truncate: bool,
    /// Is made if there is none.
    pub create: bool,
    /// Every write goes to its end.
    pub append: bool,
}

impl OpenMode {
    /// Reads a mode string: `r`, `w` or `a`, then anything, with a `+` for both ways.
    ///
    /// # Errors
    /// [`SystemError::INVALID`] for another first character, as `fopen` has it.
    pub fn parse(text: &[u8]) -> Result<OpenMode, SystemError> {
        let (first, rest) = text.split_first().ok_or(SystemError::INVALID)?;
        let both = rest.contains(&b'+');
        let made = |read, truncate, append| OpenMode {
            read,
            write: true,
            truncate,
            create: true,
            append,
        };
        match first {
            b'r' => Ok(OpenMode {
                read: true,
                write: both,
                truncate: false,
                create: false,
                append: false,
            }),
            b'w' => Ok(made(both, true, false)),
            b'a' => Ok(made(both, false, true)),
            _ => Err(SystemError::INVALID),
        }
    }
}

/// From where a position counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// The file's start.
    Start,
    /// Where it stands.
    Here,
    /// Its end.
    End,
}

/// When written bytes leave the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffering {
    /// At once.
    No,
    /// When it is full.
    Full,
    /// At each end of a line.
    Line,
}

/// A date taken apart: C's `struct tm`, with its ranges and offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Date {
    /// 0..=60
    pub second: i32,
    /// 0..=59
    pub minute: i32,
    /// 0..=23
    pub hour: i32,
    /// Day of the month, 1..=31
    pub day: i32,
    /// 0..=11
    pub month: i32,
    /// Years since 1900.
    pub year: i32,
    /// 0 (Sunday) ..=6
    pub week_day: i32,
    /// 0..=365
    pub year_day: i32,
    /// Summer time; `None` if that isn't known.
    pub is_summer: Option<bool>,
}

/// Takes bytes.
pub type Tell<'a> = &'a mut dyn FnMut(&[u8]);

/// Files, processes, names, time and environment. One thread calls it at a time.
///
/// Names and commands come without NUL bytes. Errors of `write` may come late: at a
/// flush, at a seek, or when the file is closed.
pub trait System {
    /// The words for an error, without file name: "No such file or directory".
    fn describe(&self, error: SystemError, tell: Tell<'_>) {
        tell(match error {
            SystemError::NOT_SUPPORTED => b"Function not implemented",
            SystemError::INVALID => b"Invalid argument",
            _ => b"system error",
        });
    }

    /// Opens a file.
    fn open(&self, name: &[u8], mode: OpenMode) -> Result<FileId, SystemError> {
        let _ = (name, mode);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Starts a process and opens a pipe: to read what it writes, or (with
    /// `mode.write`) to write what it reads. Closing waits for its end.
    fn open_process(&self, command: &[u8], mode: OpenMode) -> Result<FileId, SystemError> {
        let _ = (command, mode);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Opens a file for reading and writing that vanishes when it is closed.
    fn open_temporary(&self) -> Result<FileId, SystemError> {
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Writes what is buffered and closes; the number may be given out again, also after
    /// an error.
    fn close(&self, file: FileId) -> Result<(), SystemError> {
        let _ = file;
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Shows the bytes that come next, at least one unless the file is at its end, then
    /// none. `take` gives back how many of them are used up.
    fn read(&self, file: FileId, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<(), SystemError> {
        let _ = (file, take);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Writes all of `bytes`, at once or later.
    fn write(&self, file: FileId, bytes: &[u8]) -> Result<(), SystemError> {
        let _ = (file, bytes);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Writes what is buffered.
    fn flush(&self, file: FileId) -> Result<(), SystemError> {
        let _ = file;
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Moves to a position in bytes, and gives it counted from the start.
    fn seek(&self, file: FileId, from: SeekFrom, offset: i64) -> Result<u64, SystemError> {
        let _ = (file, from, offset);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Sets how writing is buffered; `size` in bytes is a wish.
    fn set_buffering(
        &self,
        file: FileId,
        buffering: Buffering,
        size: usize,
    ) -> Result<(), SystemError> {
        let _ = (file, buffering, size);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Removes a file or an empty folder.
    fn remove(&self, name: &[u8]) -> Result<(), SystemError> {
        let _ = name;
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Renames a file.
    fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), SystemError> {
        let _ = (from, to);
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Tells a name for a temporary file that nobody else uses.
    fn temporary_name(&self, tell: Tell<'_>) -> Result<(), SystemError> {
        let _ = tell;
        Err(SystemError::NOT_SUPPORTED)
    }

    /// Tells an environment variable; `false` if there is none.
    fn variable(&self, name: &[u8], tell: Tell<'_>) -> bool {
        let _ = (name, tell);
        false
    }

    /// Runs a command and gives its status; without one: not 0 if there is a shell.
    fn execute(&self, command: Option<&[u8]>) -> i32 {
        if command.is_some() { -1 } else { 0 }
    }

    /// Notes that the program wants to end with this status. It is stopped right after,
    /// as by [`crate::vm::StopHandle::stop`]; ending is the embedder's business.
    fn exit(&self, status: i32) {
        let _ = status;
    }

    /// Seconds since 1970.
    fn now(&self) -> Option<i64> {
        None
    }

    /// The date at a time, in universal or local time.
    fn date(&self, time: i64, universal: bool) -> Option<Date> {
        let _ = (time, universal);
        None
    }

    /// The time of a local date, whose parts may be out of their ranges; week day and day
    /// of the year don't count.
    fn time(&self, date: &Date) -> Option<i64> {
        let _ = date;
        None
    }

    /// Tells what `%` and `conversion` stand for in a date format (C's `strftime`).
    fn format_date(&self, date: &Date, conversion: u8, tell: Tell<'_>) {
        let _ = (date, conversion, tell);
    }
}
