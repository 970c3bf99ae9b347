//! Values: 64 bits. A double is itself; everything else lives in the NaN space
//! with its type in the high 32 bits and a payload or heap reference in the low.
//!
//! Invariants: the only NaNs are x86's default one, `0xFFF8_0000_0000_0000`, and the same with
//! the other sign. Arithmetic makes no others if it gets no others, so `bits < TAG` holds
//! exactly for numbers, also for results that nobody looks at. `nil` is all ones and `false` comes next
//! below it, so "is falsy" is one unsigned compare. Tags are small negative
//! 32-bit numbers: a tag test is a compare with a sign-extended byte.

/// Everything at or above this bit pattern is not a number.
pub const TAG: u64 = 0xFFF9_0000_0000_0000;

/// Twice the bits of an infinity, without its sign: twice those of a NaN, a number's or of
/// what isn't one, are above, and of everything else at most that.
pub const INFINITY_TWICE: u64 = 0xFFE0_0000_0000_0000;

/// High halves of values that aren't numbers.
pub mod tag {
    /// nil (payload all ones).
    pub const NIL: u32 = -1i32 as u32;
    /// false
    pub const FALSE: u32 = -2i32 as u32;
    /// true
    pub const TRUE: u32 = -3i32 as u32;
    /// An opaque 32-bit handle of the embedder.
    pub const LIGHT: u32 = -4i32 as u32;
    /// Internal: position of a `pairs` loop; never visible to Lua.
    pub const CURSOR: u32 = -5i32 as u32;
    /// Internal: a cell that holds a captured variable; never visible to Lua.
    pub const CELL: u32 = -6i32 as u32;
    /// A thread (coroutine).
    pub const THREAD: u32 = -7i32 as u32;
    /// A full userdata.
    pub const USERDATA: u32 = -8i32 as u32;
    /// A function of the library or the embedder.
    pub const NATIVE: u32 = -9i32 as u32;
    /// A Lua closure.
    pub const CLOSURE: u32 = -10i32 as u32;
    /// A table.
    pub const TABLE: u32 = -11i32 as u32;
    /// A string.
    pub const STRING: u32 = -12i32 as u32;
}

/// A Lua value.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value(pub u64);

/// The eight types a Lua program can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Nil,
    Boolean,
    LightUserdata,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

impl Type {
    /// The name that `type` returns and error messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Nil => "nil",
            Type::Boolean => "boolean",
            Type::LightUserdata | Type::Userdata => "userdata",
            Type::Number => "number",
            Type::String => "string",
            Type::Table => "table",
            Type::Function => "function",
            Type::Thread => "thread",
        }
    }
}

impl Value {
    /// nil
    pub const NIL: Value = Value(u64::MAX);
    /// false
    pub const FALSE: Value = Value((tag::FALSE as u64) << 32);
    /// true
    pub const TRUE: Value = Value((tag::TRUE as u64) << 32);

    /// A number; of a NaN, only the sign is kept.
    #[inline(always)]
    pub fn number(x: f64) -> Value {
        if x.is_nan() {
            return Value(f64::NAN.copysign(x).to_bits());
        }
        Value(x.to_bits())
    }

    /// Is it a number that [`Value::number`] makes? All numbers of a VM are.
    #[inline(always)]
    pub const fn is_ordinary_number(self) -> bool {
        const NAN: u64 = 0x7FF8 << 48;
        let twice = self.0 << 1;
        self.is_number() && (twice <= INFINITY_TWICE || twice == NAN << 1)
    }

    /// A boolean.
    #[inline(always)]
    pub const fn boolean(b: bool) -> Value {
        if b { Value::TRUE } else { Value::FALSE }
    }

    /// A value of the type with high half `tag` and this payload.
    #[inline(always)]
    pub const fn tagged(tag: u32, payload: u32) -> Value {
        Value((tag as u64) << 32 | payload as u64)
    }

    /// Is it a number?
    #[inline(always)]
    pub const fn is_number(self) -> bool {
        self.0 < TAG
    }

    /// The number's value; garbage for other types.
    #[inline(always)]
    pub const fn as_f64(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The number, if it is one.
    #[inline(always)]
    pub fn to_number(self) -> Option<f64> {
        if self.is_number() {
            Some(self.as_f64())
        } else {
            None
        }
    }

    /// High half.
    #[inline(always)]
    pub const fn tag(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Low half: the heap reference, if it is one.
    #[inline(always)]
    pub const fn payload(self) -> u32 {
        self.0 as u32
    }

    /// Is it nil?
    #[inline(always)]
    pub const fn is_nil(self) -> bool {
        self.0 == u64::MAX
    }

    /// nil or false?
    #[inline(always)]
    pub const fn is_falsy(self) -> bool {
        self.0 >= Value::FALSE.0
    }

    /// Is it of the type with this high half?
    #[inline(always)]
    pub const fn has_tag(self, tag: u32) -> bool {
        self.tag() == tag
    }

    /// Does the low half refer to a heap object?
    #[inline(always)]
    pub const fn is_reference(self) -> bool {
        self.tag() >= tag::STRING && self.tag() <= tag::CELL
    }

    /// A function of either kind?
    #[inline(always)]
    pub const fn is_function(self) -> bool {
        self.has_tag(tag::CLOSURE) || self.has_tag(tag::NATIVE)
    }

    /// The Lua type. Internal values (cells, cursors) count as nil.
    pub const fn type_of(self) -> Type {
        if self.is_number() {
            return Type::Number;
        }
        match self.tag() {
            tag::FALSE | tag::TRUE => Type::Boolean,
            tag::LIGHT => Type::LightUserdata,
            tag::THREAD => Type::Thread,
            tag::USERDATA => Type::Userdata,
            tag::NATIVE | tag::CLOSURE => Type::Function,
            tag::TABLE => Type::Table,
            tag::STRING => Type::String,
            _ => Type::Nil,
        }
    }

    /// Equality without metamethods.
    #[inline]
    pub fn raw_equal(self, other: Value) -> bool {
        if self.is_number() && other.is_number() {
            self.as_f64() == other.as_f64()
        } else {
            self.0 == other.0
        }
    }
}
