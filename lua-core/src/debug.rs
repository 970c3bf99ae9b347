//! Names for error messages: which variable an instruction's operand is, and
//! under which name a function was called.

use crate::error::FrameInfo;
use crate::heap::{Rt, StrRef};

impl Rt {
    /// Kind ("local", "global", "field", "upvalue", "method") and name of what
    /// register `r` of a frame holds at its current instruction.
    pub(crate) fn variable_name(self, _f: &FrameInfo, _r: u8) -> Option<(&'static str, StrRef)> {
        None
    }

    /// Kind and name under which the function of frame `f` was called.
    pub(crate) fn call_name(self, f: &FrameInfo) -> Option<(&'static str, StrRef)> {
        let n = crate::heap::NativeRef::from_value(f.function)?;
        self.native_name(n).map(|s| ("function", s))
    }
}
