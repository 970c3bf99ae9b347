//! Prototypes: the compiled form of a function, and closures over them.

use crate::heap::{ClosureRef, Header, Kind, NativeRef, NoMemory, ProtoRef, Rt, ShapeRef, StrRef};
use crate::native::NativeFn;
use crate::value::Value;

/// Where a closure takes an upvalue from when it is made.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpvalueFrom {
    /// A register of the enclosing function.
    Local = 0,
    /// An upvalue of the enclosing function.
    Up = 1,
    /// The closure itself (`local function f` that calls itself).
    Itself = 2,
}

/// One upvalue of a prototype.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct UpvalueDesc {
    /// Name of the variable.
    pub name: StrRef,
    /// Where it comes from.
    pub from: UpvalueFrom,
    /// Register or upvalue number there.
    pub index: u8,
    /// Captured as a cell (shared, assignable) or by value.
    pub is_cell: bool,
}

/// One local variable, for debugging and error messages.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LocalDesc {
    /// Its name.
    pub name: StrRef,
    /// Word index of the first instruction where it is active.
    pub start_pc: u32,
    /// Word index of the first instruction where it is gone.
    pub end_pc: u32,
    /// Its register.
    pub register: u8,
}

/// What the front end hands over; copied into objects by [`Rt::new_proto`].
pub struct ProtoParts<'a> {
    /// Chunk name as given, with its `=` or `@`.
    pub source: StrRef,
    /// Line of `function`, 0 for a main chunk.
    pub line_defined: u32,
    /// Line of `end`.
    pub last_line: u32,
    /// Number of fixed parameters.
    pub params: u8,
    /// Takes `...`.
    pub is_vararg: bool,
    /// Registers that it uses, call areas included.
    pub frame_size: u8,
    /// Instruction words.
    pub code: &'a [u64],
    /// Source line of each word; 0 for instructions that debuggers don't see.
    pub lines: &'a [u32],
    /// Upvalues.
    pub upvalues: &'a [UpvalueDesc],
    /// Local variables.
    pub locals: &'a [LocalDesc],
    /// All string constants that the code mentions.
    pub constants: &'a [Value],
    /// All shapes that the code mentions.
    pub shapes: &'a [ShapeRef],
    /// All prototypes that the code mentions.
    pub protos: &'a [ProtoRef],
}

/// A prototype. Header: `b2` parameters, `b3` variadic, `aux` registers.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Proto {
    pub header: Header,
    /// Offset of the first instruction.
    pub entry: u32,
    pub code_words: u32,
    pub lines: Slice,
    pub upvalues: Slice,
    pub locals: Slice,
    pub constants: Slice,
    pub shapes: Slice,
    pub protos: Slice,
    pub source: u32,
    pub line_defined: u32,
    pub last_line: u32,
    /// List of all prototypes.
    pub next: u32,
    /// Not 0: a register that was expected to hold numbers has held something else.
    pub unsure: u32,
}

/// Memory owned by a prototype: offset of the object, number of elements
/// (which start 8 bytes behind).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slice {
    pub offset: u32,
    pub len: u32,
}

/// Bytes between the start of a code object and its first instruction:
/// header, samples and the signature for the interpreter, address of the compiled function, bytes of registers and map of the compiled
/// function, signature, prototype reference.
pub(crate) const CODE_START: u32 = 40;
/// Before the entry: how often it was noticed that the function runs, uncompiled.
pub(crate) const HEAT_BEFORE_ENTRY: u32 = 32;
/// Before the entry: the address of the compiled function (64 bits), or 0.
pub const COMPILED_BEFORE_ENTRY: u32 = 24;
/// Before the entry: offset of the map of the compiled function, or 0. For each word of
/// code a 32-bit number: where its instruction was compiled to, as distance from
/// [`crate::state::VmState::code_base`], or 0.
pub const MAP_BEFORE_ENTRY: u32 = 12;
/// Bytes that the registers of a frame take, before the entry.
pub const FRAME_BYTES_BEFORE_ENTRY: u32 = 16;
/// Signature before the entry: the number of parameters + 1 as a `Call` gives it, with
/// [`SIGNATURE_VARIADIC`], [`SIGNATURE_LARGE`] and [`SIGNATURE_UNCOMPILED`]. A call whose count
/// isn't below it (arguments beyond the parameters stay where they are) needs
/// nothing but a frame header.
pub const SIGNATURE_BEFORE_ENTRY: u32 = 8;
/// Bit of the signature of a variadic function: above any count.
pub const SIGNATURE_VARIADIC: u32 = 1 << 28;
/// Bit of the signature of a function with more than [`SMALL_FRAME`] registers.
pub const SIGNATURE_LARGE: u32 = 1 << 29;
/// Bit of the signature of a function that isn't compiled: only those who run bytecode as well
/// call it at once, others look closer (`Part::Call`).
pub const SIGNATURE_UNCOMPILED: u32 = 1 << 30;
/// The same for those who run bytecode: with a bit [`SIGNATURE_COMPILED`] in place of the other.
pub const INTERPRETED_BEFORE_ENTRY: u32 = 28;
/// Bit of that of a compiled function.
pub const SIGNATURE_COMPILED: u32 = 1 << 31;

// Arguments lie on a stack: their count reaches none of the bits.
const _: () = assert!(crate::thread::MOST_SLOTS < SIGNATURE_VARIADIC);
/// Registers that a frame may have whose base is not above `VmState::small_limit`.
pub const SMALL_FRAME: u32 = 32;

/// Number of parameters in a signature.
#[inline(always)]
pub const fn params_of(signature: u32) -> u32 {
    (signature & 0x1FF).wrapping_sub(1)
}
/// Reference of the prototype before the entry.
pub(crate) const PROTO_BEFORE_ENTRY: u32 = 4;

/// A Lua closure, followed by its upvalues (8 bytes each). Header: `b2` number
/// of upvalues, `aux` prototype.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Closure {
    /// Header.
    pub header: Header,
    /// Environment table.
    pub env: u32,
    /// Offset of the first instruction.
    pub entry: u32,
}

/// Offset of the first upvalue in a closure.
pub const CLOSURE_UPVALUES: u32 = size_of::<Closure>() as u32;

/// A native function, followed by its upvalues. Header: `b2` number of
/// upvalues, `b3` a [`crate::native::Special`],
/// `aux` the number of its shortcut.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Native {
    pub header: Header,
    pub env: u32,
    pub name: u32,
    pub function: NativeFn,
}

/// Offset of the first upvalue in a native function.
pub(crate) const NATIVE_UPVALUES: u32 = size_of::<Native>() as u32;

impl Rt {
    fn copy_slice<T: Copy>(self, kind: Kind, items: &[T]) -> Result<Slice, NoMemory> {
        const { assert!(align_of::<T>() <= 8) };
        if items.is_empty() {
            return Ok(Slice::default());
        }
        let bytes = u32::try_from(size_of_val(items)).map_err(|_| NoMemory)?;
        let offset = self.allocate(
            kind,
            bytes.checked_add(8).ok_or(NoMemory)?,
            0,
            0,
            items.len() as u32,
        )?;
        // SAFETY: the fresh object has room for the items.
        unsafe { core::ptr::copy_nonoverlapping(items.as_ptr(), self.at(offset + 8), items.len()) };
        Ok(Slice {
            offset,
            len: items.len() as u32,
        })
    }

    /// The elements of a prototype's slice. Valid while the prototype lives.
    pub(crate) fn slice<'a, T: Copy>(self, s: Slice) -> &'a [T] {
        if s.len == 0 {
            return &[];
        }
        // SAFETY: `copy_slice` made it with this element type and length.
        unsafe { core::slice::from_raw_parts(self.at(s.offset + 8), s.len as usize) }
    }

    /// Makes a prototype. No collection happens, and on failure what was made is garbage.
    pub fn new_proto(self, parts: &ProtoParts<'_>) -> Result<ProtoRef, NoMemory> {
        let words = parts.code.len() as u32;
        let bytes = words
            .checked_mul(8)
            .and_then(|b| b.checked_add(CODE_START))
            .ok_or(NoMemory)?;
        let code = self.allocate(Kind::Code, bytes, 0, 0, words)?;
        let entry = code + CODE_START;
        // SAFETY: the fresh object has room for the words.
        unsafe {
            core::ptr::copy_nonoverlapping(parts.code.as_ptr(), self.at(entry), parts.code.len());
        }
        let lines = self.copy_slice(Kind::Raw, parts.lines)?;
        let upvalues = self.copy_slice(Kind::Raw, parts.upvalues)?;
        let locals = self.copy_slice(Kind::Raw, parts.locals)?;
        let constants = self.copy_slice(Kind::Values, parts.constants)?;
        let shapes = self.copy_slice(Kind::Raw, parts.shapes)?;
        let protos = self.copy_slice(Kind::Raw, parts.protos)?;
        let p = self.allocate(
            Kind::Proto,
            size_of::<Proto>() as u32,
            parts.params,
            parts.is_vararg as u8,
            parts.frame_size as u32,
        )?;
        let mut signature = parts.params as u32 + 1;
        if parts.is_vararg {
            signature |= SIGNATURE_VARIADIC;
        }
        if parts.frame_size as u32 > SMALL_FRAME {
            signature |= SIGNATURE_LARGE;
        }
        self.set(entry - HEAT_BEFORE_ENTRY, 0u64);
        self.set(entry - COMPILED_BEFORE_ENTRY, 0u64);
        self.set(
            entry - FRAME_BYTES_BEFORE_ENTRY,
            [parts.frame_size as u32 * 8, 0],
        );
        self.set_signature(entry, signature | SIGNATURE_UNCOMPILED);
        self.set(entry - PROTO_BEFORE_ENTRY, p);
        // SAFETY: plain field: the list of all prototypes.
        unsafe {
            self.set(
                p,
                Proto {
                    header: self.header(p),
                    entry,
                    code_words: words,
                    lines,
                    upvalues,
                    locals,
                    constants,
                    shapes,
                    protos,
                    source: parts.source.0,
                    line_defined: parts.line_defined,
                    last_line: parts.last_line,
                    next: (*self.vm()).protos,
                    unsure: 0,
                },
            );
            (*self.vm()).protos = p;
        }
        Ok(ProtoRef(p))
    }

    /// Sets the signature of the function with this first instruction, for all who call it.
    pub(crate) fn set_signature(self, entry: u32, signature: u32) {
        let compiled = match signature & SIGNATURE_UNCOMPILED {
            0 => SIGNATURE_COMPILED,
            _ => 0,
        };
        let interpreted = signature & !SIGNATURE_UNCOMPILED | compiled;
        self.set(entry - SIGNATURE_BEFORE_ENTRY, signature);
        self.set(entry - INTERPRETED_BEFORE_ENTRY, interpreted);
    }

    /// A prototype's fields.
    #[inline(always)]
    pub(crate) fn proto(self, p: ProtoRef) -> Proto {
        self.get(p.0)
    }

    /// A closure's fields.
    #[inline(always)]
    pub(crate) fn closure(self, c: ClosureRef) -> Closure {
        self.get(c.0)
    }

    /// A closure over a prototype, its upvalues nil.
    pub(crate) fn new_closure(self, p: ProtoRef, env: u32) -> Result<ClosureRef, NoMemory> {
        #[cfg(all(feature = "interp", target_arch = "x86_64"))]
        self.force_compilation(p);
        let proto = self.proto(p);
        let n = proto.upvalues.len;
        let c = self.allocate(Kind::Closure, CLOSURE_UPVALUES + n * 8, n as u8, 0, p.0)?;
        self.set(
            c,
            Closure {
                header: self.header(c),
                env,
                entry: proto.entry,
            },
        );
        for i in 0..n {
            self.set(c + CLOSURE_UPVALUES + i * 8, Value::NIL);
        }
        Ok(ClosureRef(c))
    }

    /// A cell holding `v`.
    pub(crate) fn new_cell(self, v: Value) -> Result<crate::heap::CellRef, NoMemory> {
        let c = self.allocate(Kind::Cell, 16, 0, 0, 0)?;
        self.set(c + 8, v);
        Ok(crate::heap::CellRef(c))
    }

    /// A native function's fields.
    #[inline(always)]
    pub(crate) fn native(self, n: NativeRef) -> Native {
        self.get(n.0)
    }

    /// A native function with these upvalues.
    pub(crate) fn new_native(
        self,
        function: NativeFn,
        special: u8,
        name: u32,
        env: u32,
        upvalues: &[Value],
    ) -> Result<NativeRef, NoMemory> {
        let n = upvalues.len() as u32;
        let f = self.allocate(Kind::Native, NATIVE_UPVALUES + n * 8, n as u8, special, 0)?;
        self.set(
            f,
            Native {
                header: self.header(f),
                env,
                name,
                function,
            },
        );
        for (i, &v) in upvalues.iter().enumerate() {
            self.set(f + NATIVE_UPVALUES + i as u32 * 8, v);
        }
        Ok(NativeRef(f))
    }

    /// Gives a native function a shortcut.
    pub(crate) fn set_shortcut(self, n: NativeRef, shortcut: u32) {
        let h = self.header(n.0);
        self.set(n.0, Header { aux: shortcut, ..h });
    }
}
