//! The table of shortcuts: library functions whose common case the engines carry
//! out themselves, without a native call. Everything else expands from it: the
//! numbers in the headers of native functions, the handlers of the bundle, and
//! the `match` of the portable engine.
//!
//! A shortcut (`ops/shortcuts.rs`) is the body of a `Call` or `TailCall` whose
//! callee is known. What it doesn't do, it leaves to the library function by
//! returning `Flow::Native` *before* it has changed anything.
//!
//! It must not hold a function that a call hook has to see in another way than
//! any other native function: with hooks, all shortcuts are switched off.

use crate::heap::{NativeRef, NoMemory, Rt, TableRef};
use crate::isa::Op;
use crate::value::Value;

/// The table of shortcuts. Calls `$consumer! { $($extra)* ; rows }`, each row
/// `Name "library" "function" body "what it covers";` Functions without a name get
/// their shortcut where they are made.
#[macro_export]
macro_rules! for_each_shortcut {
    ($consumer:ident $(, $extra:tt)* $(,)?) => {
        $consumer! {
            $($extra)*
            Abs       "math"   "abs"       abs       "one number";
            Ceil      "math"   "ceil"      ceil      "one number";
            Floor     "math"   "floor"     floor     "one number";
            Max       "math"   "max"       max       "two numbers";
            Min       "math"   "min"       min       "two numbers";
            Random    "math"   "random"    random    "up to two integers";
            Sqrt      "math"   "sqrt"      sqrt      "one number";
            Byte      "string" "byte"      byte      "one byte of a string";
            Char      "string" "char"      char      "one byte";
            StringLen "string" "len"       len       "a string";
            Sub       "string" "sub"       sub       "what is short and exists already, or all of a string";
            Pcall     ""       "pcall"     pcall     "a Lua function";
            Resume    "coroutine" "resume" resume    "a coroutine that has yielded";
            Wrapped   "coroutine" ""       wrapped   "the same; functions that `wrap` makes";
            Yield     "coroutine" "yield"  yield_    "to a Lua function";
            Insert    "table"  "insert"    insert    "at the end, where the array part has room";
            Remove    "table"  "remove"    remove    "the last item, out of the array part";
            Assert    ""       "assert"    assert    "what holds";
            GetMeta   ""       "getmetatable" getmetatable "a table, unless its metatable is protected";
            Ipairs    ""       "ipairs"    ipairs    "at the head of a loop";
            Pairs     ""       "pairs"     pairs     "at the head of a loop";
            RawEqual  ""       "rawequal"  rawequal  "two values";
            RawGet    ""       "rawget"    rawget    "an item of the array part";
            Select    ""       "select"    select    "the number of values, or one from the front";
            SetMeta   ""       "setmetatable" setmetatable "a metatable for a table that has none";
            ToNumber  ""       "tonumber"  tonumber  "a number";
            ToString  ""       "tostring"  tostring  "a string";
            Type      ""       "type"      type_     "any value";
            Unpack    ""       "unpack"    unpack    "a whole list";
        }
    };
}

/// The shortcuts that compiled code carries out at the place of the call, where it expects
/// this function with so many arguments, and in a `Call` one result (`baseline/callees.rs`).
/// Rows `Operation Name body arguments passes;`
#[macro_export]
macro_rules! for_each_direct_shortcut {
    ($consumer:ident $(, $extra:tt)* $(,)?) => {
        $consumer! {
            $($extra)*
            Call Abs abs 1 Both;
            Call Ceil ceil 1 Both;
            Call Floor floor 1 Both;
            Call Max max 2 Result;
            Call Min min 2 Result;
            Call Sqrt sqrt 1 Both;
            Call Byte byte 2 Result;
            Call Char char 1 Nothing;
            Call StringLen len 1 Result;
            Call Sub sub 3 Nothing;
            Call Type type_ 1 Nothing;
            TailCall SetMeta setmetatable 2 Nothing;
        }
    };
}

/// What of a call at the place of which a shortcut is carried out passes through the
/// processor's registers (`baseline/registers.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Nothing.
    Nothing,
    /// The result, a number.
    Result,
    /// The result, and the argument if it is there; both are numbers.
    Both,
}

macro_rules! define_direct_shortcuts {
    ($($op:ident $name:ident $body:ident $arguments:literal $passes:ident;)*) => {
        /// Operation, number, names in the stencil's name, arguments, and what passes, of each
        /// of them.
        pub const DIRECT: &[(Op, Shortcut, [&str; 2], u8, Passes)] = &[
            $((
                Op::$op,
                Shortcut::$name,
                [concat!(stringify!($op), "_"), stringify!($name)],
                $arguments,
                Passes::$passes,
            ),)*
        ];
    };
}

for_each_direct_shortcut!(define_direct_shortcuts);

macro_rules! define_shortcuts {
    ($($name:ident $library:literal $function:literal $body:ident $doc:literal;)*) => {
        /// Numbers of the shortcuts, in the order of the table; 0 is none.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Shortcut {
            /// An ordinary native function.
            None = 0,
            $(#[doc = $doc] $name,)*
        }

        /// Name, library and function of each shortcut, from number 1 on.
        pub const SHORTCUTS: &[(&str, &str, &str)] = &[
            $((stringify!($name), $library, $function),)*
        ];
    };
}

for_each_shortcut!(define_shortcuts);

/// Places in the dispatch table of shortcuts.
pub const SHORTCUT_MAX: usize = 48;
const _: () = assert!(SHORTCUTS.len() < SHORTCUT_MAX);

impl Rt {
    /// Writes the shortcuts' numbers into the library's functions.
    pub(crate) fn mark_shortcuts(self) -> Result<(), NoMemory> {
        for (i, (_, library, function)) in SHORTCUTS.iter().enumerate() {
            if function.is_empty() {
                continue;
            }
            let t: TableRef = self.library_table(library)?;
            let f: Value = self.raw_get_str(t, self.intern(function.as_bytes())?);
            if let Some(n) = NativeRef::from_value(f) {
                self.set_shortcut(n, i as u32 + 1);
            }
        }
        Ok(())
    }
}
