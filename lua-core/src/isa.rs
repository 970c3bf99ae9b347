//! The op table: the one description of the bytecode from which everything
//! else expands (opcode numbers, encoder, disassembler, verifier, the portable
//! dispatch loop and the interpreter handlers of the stencil package).
//!
//! # Instruction format
//! An instruction is one to three 64-bit words. The first is
//!
//! ```text
//!  byte 0   1   2   3   4..8
//!      op   a   b   c   d (u32, or i32 for jumps)
//! ```
//!
//! `a`, `b`, `c` are register numbers or small immediates. `d` is a wide
//! operand: a heap reference (string, shape, prototype), a jump distance in
//! words counted from the *start of this instruction*, or the frame link of a
//! call. The words that follow hold a 64-bit constant (`K`) or inline-cache
//! state (`Ic`), so no operation needs a constant-table register.
//!
//! # Registers and frames
//! `R[n]` is the n-th slot above the frame base. A call places the function in
//! `R[a]`, leaves `R[a+1]` for the frame link and the arguments from `R[a+2]`
//! on; results arrive from `R[a]` on. See `frame.rs` for the link word.
//!
//! # Counts
//! `b` of calls and returns, and `c` of calls, are *count + 1*; 0 means "up to
//! the stack top" (`b`) or "as many as there are" (`c`).
//!
//! # Safepoints
//! Only the operations with flow `Loop` or `Call` take part in fuel: `JumpBack`,
//! the loop operations on their back-edge (conditions at a loop's end also when they
//! leave it), and the calls. All other jumps go
//! forward (the verifier checks it).

/// What an operand field means; decoder, disassembler and verifier use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Not used; must be zero.
    No,
    /// A register that is written.
    Dst,
    /// A register that is read.
    Src,
    /// A register that holds the cell of a captured variable.
    Cell,
    /// First register of a run that is read or written.
    Run,
    /// A small immediate.
    Imm,
    /// Count + 1, 0 = open.
    Count,
    /// Number of an upvalue that was captured by value.
    Up,
    /// Number of an upvalue that is a cell.
    UpCell,
    /// `d`: reference of an interned string.
    Str,
    /// `d`: reference of a shape.
    Shape,
    /// `d`: reference of a prototype.
    Proto,
    /// `d`: jump distance in words.
    Jump,
    /// `d`: unsigned number.
    Num,
    /// `d`: frame link for the callee.
    Link,
}

/// Where control can go after an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// To the next instruction only.
    Next,
    /// To the next instruction or forward to the jump target.
    Branch,
    /// Always to the (forward) jump target.
    Jump,
    /// To the next instruction, or to the (backward) jump target with a tick.
    Loop,
    /// Into another frame with a tick; comes back to the next instruction.
    Call,
    /// Leaves the frame.
    Return,
}

/// What the words behind the first one hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing: the instruction is one word.
    None,
    /// One word: a constant number (64 bits).
    K,
    /// One word: nil, a boolean, or a string that the prototype's constants hold.
    C,
    /// One word: two unsigned 32-bit numbers.
    Pair,
    /// One word of cache: shape and slot.
    Ic1,
    /// Two words of cache: shape, slot, epoch or new shape, spare.
    Ic2,
    /// One word of a call: where compiled code goes on after it (`baseline/`), or 0.
    Resume,
}

impl Extra {
    /// Length of the whole instruction in words.
    pub const fn words(self) -> usize {
        match self {
            Extra::None => 1,
            Extra::K | Extra::C | Extra::Pair | Extra::Ic1 | Extra::Resume => 2,
            Extra::Ic2 => 3,
        }
    }
}

/// The op table. Calls `$consumer! { $($extra)* ; rows }`, each row
/// `Name (A B C D) Extra Control base=Generic module::body "meaning";`
/// `base` is the operation itself, or for a quickened form the operation that
/// the front end emits. `module::body` is the one meaning, in `ops/`.
#[macro_export]
macro_rules! for_each_op {
    ($consumer:ident $(, $extra:tt)* $(,)?) => {
        $consumer! {
            $($extra)*
            // -- data
            Move      (Dst Src No No)   None Next   Move      data::copy       "R[a] = R[b]";
            LoadK     (Dst No No No)    K    Next   LoadK     data::load_k     "R[a] = K";
            LoadStr   (Dst No No Str)   None Next   LoadStr   data::load_str   "R[a] = string d";
            LoadNil   (Dst Imm No No)   None Next   LoadNil   data::load_nil   "R[a .. a+b] = nil (b+1 registers)";
            LoadBool  (Dst Imm No No)   None Next   LoadBool  data::load_bool  "R[a] = (b != 0)";
            // -- variables captured by closures
            GetUp     (Dst Up No No)    None Next   GetUp     data::get_up     "R[a] = U[b], captured by value";
            GetUpCell (Dst UpCell No No) None Next   GetUpCell data::get_up_cell "R[a] = content of cell U[b]";
            SetUpCell (Src UpCell No No) None Next   SetUpCell data::set_up_cell "content of cell U[b] = R[a]";
            NewCell   (Dst No No No)    None Next   NewCell   data::new_cell   "R[a] = new cell holding R[a]";
            GetCell   (Dst Cell No No)  None Next   GetCell   data::get_cell   "R[a] = content of cell R[b]";
            SetCell   (Cell Src No No)  None Next   SetCell   data::set_cell   "content of cell R[a] = R[b]";
            Closure   (Dst No No Proto) None Next   Closure   data::closure    "R[a] = new closure of prototype d";
            // -- globals
            GetGlobal (Dst No No Str)   Ic1  Next   GetGlobal access::get_global "R[a] = ENV[d]";
            SetGlobal (Src No No Str)   Ic1  Next   SetGlobal access::set_global "ENV[d] = R[a]";
            // -- fields: generic form and what it is quickened to
            GetField  (Dst Src No Str)  Ic2  Next   GetField  access::get_field       "R[a] = R[b][d]";
            GetFieldI (Dst Src No Str)  Ic2  Next   GetField  access::get_field_inline "own property, slot inside the object";
            GetFieldO (Dst Src No Str)  Ic2  Next   GetField  access::get_field_outline "own property, slot in the property array";
            GetFieldP (Dst Src No Str)  Ic2  Next   GetField  access::get_field_proto  "property of an object on the __index chain";
            GetFieldN (Dst Src No Str)  Ic2  Next   GetField  access::get_field_absent "no such property on the whole chain: nil";
            GetFieldF (Dst Src No Str)  Ic2  Next   GetField  access::get_field_handler "no such property: a function for `__index`";
            SetField  (Src Src No Str)  Ic2  Next   SetField  access::set_field        "R[a][d] = R[b]";
            SetFieldI (Src Src No Str)  Ic2  Next   SetField  access::set_field_inline "own property, inside, no metatable";
            SetFieldO (Src Src No Str)  Ic2  Next   SetField  access::set_field_outline "own property, in the array, no metatable";
            SetFieldIM (Src Src No Str) Ic2  Next   SetField  access::set_field_inline_meta "own property, inside, metatable without __newindex";
            SetFieldOM (Src Src No Str) Ic2  Next   SetField  access::set_field_outline_meta "own property, in the array, metatable without __newindex";
            SetFieldIN (Src Src No Str) Ic2  Next   SetField  access::set_field_inline_new "new property, inside";
            SetFieldON (Src Src No Str) Ic2  Next   SetField  access::set_field_outline_new "new property, in the array, which has room or is made";
            SetFieldF (Src Src No Str)  Ic2  Next   SetField  access::set_field_handler "no such property: a function for `__newindex`";
            Method    (Run Src No Str)  Ic2  Next   Method    access::method         "R[a+2] = R[b]; R[a] = R[b][d]";
            MethodI   (Run Src No Str)  Ic2  Next   Method    access::method_inline  "own property, inside";
            MethodO   (Run Src No Str)  Ic2  Next   Method    access::method_outline "own property, in the array";
            MethodP   (Run Src No Str)  Ic2  Next   Method    access::method_proto   "property of an object on the __index chain";
            MethodS   (Run Src No Str)  Ic2  Next   Method    access::method_string  "R[b] is a string: property of the string library";
            // -- indexing
            GetIndex  (Dst Src Src No)  None Next   GetIndex  access::get_index  "R[a] = R[b][R[c]]";
            GetIndexK (Dst Src No Num)  None Next   GetIndexK access::get_index_k "R[a] = R[b][d], d a positive integer";
            SetIndex  (Src Src Src No)  None Next   SetIndex  access::set_index  "R[a][R[b]] = R[c]";
            SetIndexK (Src Src No Num)  None Next   SetIndexK access::set_index_k "R[a][d] = R[b], d a positive integer";
            // -- table construction
            NewTable  (Dst No No Shape) Pair Next   NewTable  construct::new_table  "R[a] = new table of shape d, extra.0 array slots";
            InitField (Src Src No Num)  None Next   InitField construct::init_field "inline slot d of the fresh table R[a] = R[b]";
            SetList   (Src Count No Num) None Next  SetList   construct::set_list   "R[a][d .. d+b-2] = R[a+1 ..]";
            // -- arithmetic: registers, register and constant, constant and register
            Add       (Dst Src Src No)  None Next   Add       arith::add         "R[a] = R[b] + R[c]";
            Sub       (Dst Src Src No)  None Next   Sub       arith::sub         "R[a] = R[b] - R[c]";
            Mul       (Dst Src Src No)  None Next   Mul       arith::mul         "R[a] = R[b] * R[c]";
            Div       (Dst Src Src No)  None Next   Div       arith::div         "R[a] = R[b] / R[c]";
            Mod       (Dst Src Src No)  None Next   Mod       arith::modulo      "R[a] = R[b] % R[c]";
            Pow       (Dst Src Src No)  None Next   Pow       arith::pow         "R[a] = R[b] ^ R[c]";
            AddVK     (Dst Src No No)   K    Next   AddVK     arith::add_vk      "R[a] = R[b] + K";
            SubVK     (Dst Src No No)   K    Next   SubVK     arith::sub_vk      "R[a] = R[b] - K";
            MulVK     (Dst Src No No)   K    Next   MulVK     arith::mul_vk      "R[a] = R[b] * K";
            DivVK     (Dst Src No No)   K    Next   DivVK     arith::div_vk      "R[a] = R[b] / K";
            ModVK     (Dst Src No No)   K    Next   ModVK     arith::modulo_vk   "R[a] = R[b] % K";
            ModWK     (Dst Src No No)   K    Next   ModWK     arith::modulo_wk   "R[a] = R[b] % K, K whole, from 1 to 2^51";
            PowVK     (Dst Src No No)   K    Next   PowVK     arith::pow_vk      "R[a] = R[b] ^ K";
            AddKV     (Dst No Src No)   K    Next   AddKV     arith::add_kv      "R[a] = K + R[c]";
            SubKV     (Dst No Src No)   K    Next   SubKV     arith::sub_kv      "R[a] = K - R[c]";
            MulKV     (Dst No Src No)   K    Next   MulKV     arith::mul_kv      "R[a] = K * R[c]";
            DivKV     (Dst No Src No)   K    Next   DivKV     arith::div_kv      "R[a] = K / R[c]";
            ModKV     (Dst No Src No)   K    Next   ModKV     arith::modulo_kv   "R[a] = K % R[c]";
            PowKV     (Dst No Src No)   K    Next   PowKV     arith::pow_kv      "R[a] = K ^ R[c]";
            Neg       (Dst Src No No)   None Next   Neg       arith::neg         "R[a] = -R[b]";
            Not       (Dst Src No No)   None Next   Not       arith::not         "R[a] = not R[b]";
            Len       (Dst Src No No)   None Next   Len       arith::len         "R[a] = #R[b]";
            Concat    (Dst Run Run No)  None Next   Concat    arith::concat      "R[a] = R[b] .. ... .. R[c]";
            // -- jumps and tests
            Jump      (No No No Jump)   None Jump   Jump      branch::jump       "pc += d, forward";
            JumpBack  (No No No Jump)   None Loop   JumpBack  branch::jump_back  "tick; pc += d, backward";
            CopyJumpIf (Dst Src No Jump) None Branch CopyJumpIf branch::copy_jump_if "if R[b] then R[a] = R[b]; pc += d";
            CopyJumpIfNot (Dst Src No Jump) None Branch CopyJumpIfNot branch::copy_jump_if_not "if not R[b] then R[a] = R[b]; pc += d";
            JumpIf    (Src No No Jump)  None Branch JumpIf    branch::jump_if    "if R[a] then pc += d";
            JumpIfNot (Src No No Jump)  None Branch JumpIfNot branch::jump_if_not "if not R[a] then pc += d";
            JumpEq    (Src Src No Jump) None Branch JumpEq    branch::jump_eq    "if R[a] == R[b] then pc += d";
            JumpNe    (Src Src No Jump) None Branch JumpNe    branch::jump_ne    "if not (R[a] == R[b]) then pc += d";
            JumpEqN   (Src No No Jump)  K    Branch JumpEqN   branch::jump_eq_n  "if R[a] == K, a number, then pc += d";
            JumpNeN   (Src No No Jump)  K    Branch JumpNeN   branch::jump_ne_n  "if not (R[a] == K), a number, then pc += d";
            JumpEqC   (Src No No Jump)  C    Branch JumpEqC   branch::jump_eq_c  "if R[a] == K, nil, boolean or string, then pc += d";
            JumpNeC   (Src No No Jump)  C    Branch JumpNeC   branch::jump_ne_c  "if not (R[a] == K), nil, boolean or string, then pc += d";
            JumpLt    (Src Src No Jump) None Branch JumpLt    branch::jump_lt    "if R[a] < R[b] then pc += d";
            JumpNotLt (Src Src No Jump) None Branch JumpNotLt branch::jump_not_lt "if not (R[a] < R[b]) then pc += d";
            JumpLe    (Src Src No Jump) None Branch JumpLe    branch::jump_le    "if R[a] <= R[b] then pc += d";
            JumpNotLe (Src Src No Jump) None Branch JumpNotLe branch::jump_not_le "if not (R[a] <= R[b]) then pc += d";
            JumpLtVK  (Src No No Jump)  K    Branch JumpLtVK  branch::jump_lt_vk "if R[a] < K then pc += d";
            JumpNotLtVK (Src No No Jump) K   Branch JumpNotLtVK branch::jump_not_lt_vk "if not (R[a] < K) then pc += d";
            JumpLeVK  (Src No No Jump)  K    Branch JumpLeVK  branch::jump_le_vk "if R[a] <= K then pc += d";
            JumpNotLeVK (Src No No Jump) K   Branch JumpNotLeVK branch::jump_not_le_vk "if not (R[a] <= K) then pc += d";
            JumpLtKV  (Src No No Jump)  K    Branch JumpLtKV  branch::jump_lt_kv "if K < R[a] then pc += d";
            JumpNotLtKV (Src No No Jump) K   Branch JumpNotLtKV branch::jump_not_lt_kv "if not (K < R[a]) then pc += d";
            JumpLeKV  (Src No No Jump)  K    Branch JumpLeKV  branch::jump_le_kv "if K <= R[a] then pc += d";
            JumpNotLeKV (Src No No Jump) K   Branch JumpNotLeKV branch::jump_not_le_kv "if not (K <= R[a]) then pc += d";
            // the same at the end of a loop: a tick before, and the jump goes back
            LoopIf    (Src No No Jump) None Loop   LoopIf    branch::loop_if  "tick; if R[a] then pc += d";
            LoopIfNot (Src No No Jump) None Loop   LoopIfNot branch::loop_if_not  "tick; if not R[a] then pc += d";
            LoopEq    (Src Src No Jump) None Loop   LoopEq    branch::loop_eq  "tick; if R[a] == R[b] then pc += d";
            LoopNe    (Src Src No Jump) None Loop   LoopNe    branch::loop_ne  "tick; if not (R[a] == R[b]) then pc += d";
            LoopEqN   (Src No No Jump) K    Loop   LoopEqN   branch::loop_eq_n  "tick; if R[a] == K, a number, then pc += d";
            LoopNeN   (Src No No Jump) K    Loop   LoopNeN   branch::loop_ne_n  "tick; if not (R[a] == K), a number, then pc += d";
            LoopEqC   (Src No No Jump) C    Loop   LoopEqC   branch::loop_eq_c  "tick; if R[a] == K, nil, boolean or string, then pc += d";
            LoopNeC   (Src No No Jump) C    Loop   LoopNeC   branch::loop_ne_c  "tick; if not (R[a] == K), nil, boolean or string, then pc += d";
            LoopLt    (Src Src No Jump) None Loop   LoopLt    branch::loop_lt  "tick; if R[a] < R[b] then pc += d";
            LoopNotLt (Src Src No Jump) None Loop   LoopNotLt branch::loop_not_lt  "tick; if not (R[a] < R[b]) then pc += d";
            LoopLe    (Src Src No Jump) None Loop   LoopLe    branch::loop_le  "tick; if R[a] <= R[b] then pc += d";
            LoopNotLe (Src Src No Jump) None Loop   LoopNotLe branch::loop_not_le  "tick; if not (R[a] <= R[b]) then pc += d";
            LoopLtVK  (Src No No Jump) K    Loop   LoopLtVK  branch::loop_lt_vk  "tick; if R[a] < K then pc += d";
            LoopNotLtVK (Src No No Jump) K    Loop   LoopNotLtVK branch::loop_not_lt_vk  "tick; if not (R[a] < K) then pc += d";
            LoopLeVK  (Src No No Jump) K    Loop   LoopLeVK  branch::loop_le_vk  "tick; if R[a] <= K then pc += d";
            LoopNotLeVK (Src No No Jump) K    Loop   LoopNotLeVK branch::loop_not_le_vk  "tick; if not (R[a] <= K) then pc += d";
            LoopLtKV  (Src No No Jump) K    Loop   LoopLtKV  branch::loop_lt_kv  "tick; if K < R[a] then pc += d";
            LoopNotLtKV (Src No No Jump) K    Loop   LoopNotLtKV branch::loop_not_lt_kv  "tick; if not (K < R[a]) then pc += d";
            LoopLeKV  (Src No No Jump) K    Loop   LoopLeKV  branch::loop_le_kv  "tick; if K <= R[a] then pc += d";
            LoopNotLeKV (Src No No Jump) K    Loop   LoopNotLeKV branch::loop_not_le_kv  "tick; if not (K <= R[a]) then pc += d";
            // -- loops: R[a] index, R[a+1] limit, R[a+2] step, R[a+3] the variable
            ForPrep   (Run No No Jump)  None Branch ForPrep   loops::for_prep    "check and convert; if the loop is empty pc += d, else R[a+3] = R[a]";
            ForLoop   (Run No No Jump)  None Loop   ForLoop   loops::for_loop    "R[a] += R[a+2]; if within R[a+1] then tick, R[a+3] = R[a], pc += d";
            ForLoopUp (Run No No Jump)  None Loop   ForLoopUp loops::for_loop_up "the same, R[a+2] known to be positive";
            // R[a] iterator, R[a+1] state, R[a+2] control, R[a+3 ..] variables;
            // IterCall is followed at once by its IterLoop. Frame slots R[a+3 .. a+6] must be free for the call.
            IterCall  (Run Imm No No)   Resume Call   IterCall  loops::iter_call   "R[a+3 ..] = b results of R[a](R[a+1], R[a+2])";
            IterLoop  (Run No No Jump)  None Loop   IterLoop  loops::iter_loop   "if R[a+3] ~= nil then R[a+2] = R[a+3], tick, pc += d";
            // -- calls
            Call      (Run Count Count Link) Resume Call Call   call::call         "R[a ..] = R[a](R[a+2 ..]), b-1 arguments, c-1 results";
            TailCall  (Run Count No No) Resume Call   TailCall  call::tail_call    "return R[a](R[a+2 ..])";
            Return    (Run Count No No) None Return Return    call::return_many  "return R[a ..], b-1 values";
            Return0   (No No No No)     None Return Return0   call::return_none  "return";
            Return1   (Src No No No)    None Return Return1   call::return_one   "return R[a]";
            VarArg    (Run Count No No) None Next   VarArg    call::var_arg      "R[a ..] = ..., b-1 values";
            ArgTable  (Dst No No No)    None Next   ArgTable  call::arg_table    "R[a] = new table of the variable arguments, and their number as n";
        }
    };
}

macro_rules! define_ops {
    ($($name:ident ($a:ident $b:ident $c:ident $d:ident) $extra:ident $control:ident $base:ident $module:ident::$body:ident $doc:literal;)*) => {
        /// Operation numbers, in the order of the table.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Op {
            $(#[doc = $doc] $name,)*
        }

        /// Everything the table says about an operation, indexed by number.
        pub const OPS: &[OpInfo] = &[
            $(OpInfo {
                op: Op::$name,
                base: Op::$base,
                name: stringify!($name),
                operands: [Operand::$a, Operand::$b, Operand::$c, Operand::$d],
                extra: Extra::$extra,
                control: Control::$control,
                meaning: $doc,
            },)*
        ];
    };
}

/// One row of the op table.
pub struct OpInfo {
    /// The operation.
    pub op: Op,
    /// The form the front end emits; differs from `op` for quickened forms.
    pub base: Op,
    /// Its name as in the table.
    pub name: &'static str,
    /// Meaning of the fields a, b, c, d.
    pub operands: [Operand; 4],
    /// Meaning of the following words.
    pub extra: Extra,
    /// Where control can go.
    pub control: Control,
    /// One line of semantics.
    pub meaning: &'static str,
}

for_each_op!(define_ops);

/// Number of operations; the dispatch table has 256 entries, the rest trap.
pub const OP_COUNT: usize = OPS.len();
const _: () = assert!(OP_COUNT <= 256);

impl Op {
    /// The operation with this number, if there is one.
    #[inline]
    pub fn from_u8(n: u8) -> Option<Op> {
        OPS.get(n as usize).map(|info| info.op)
    }

    /// Its row of the table.
    #[inline]
    pub const fn info(self) -> &'static OpInfo {
        &OPS[self as usize]
    }

    /// The forward jump on the same condition, for the operations at the end of loops;
    /// itself for all others.
    #[inline]
    pub const fn without_loop(self) -> Op {
        let n = self as u8;
        if n < Op::LoopIf as u8 || n > Op::LoopNotLeKV as u8 {
            return self;
        }
        OPS[(n - Op::LoopIf as u8 + Op::JumpIf as u8) as usize].op
    }

    /// The operation for the end of a loop with the condition of a forward jump.
    #[inline]
    pub fn with_loop(self) -> Option<Op> {
        let n = self as u8;
        if n < Op::JumpIf as u8 || n > Op::JumpNotLeKV as u8 {
            return None;
        }
        Op::from_u8(n - Op::JumpIf as u8 + Op::LoopIf as u8)
    }

    /// Does the operation, when it goes on to the next one, leave a number in register a?
    pub const fn leaves_number(self) -> bool {
        let (n, last) = (self as u8, Op::PowKV as u8);
        n >= Op::Add as u8 && n <= last && !matches!(self, Op::PowKV) || matches!(self, Op::Neg)
    }

    /// Has the operation stencils for operands that are sure to be numbers (`baseline/registers.rs`)?
    pub const fn has_sure_forms(self) -> bool {
        use Op::*;
        matches!(
            self,
            Add | Sub | Mul | Div | AddVK | SubVK | MulVK | DivVK | AddKV | SubKV | MulKV | DivKV
        )
    }

    /// Length of the instruction in 64-bit words.
    #[inline]
    pub fn words(self) -> usize {
        self.info().extra.words()
    }
}

/// Length of a `Call`, `TailCall` or `IterCall` in bytes: the return address is that far
/// behind it, and right before it lies the resume word (`baseline/mod.rs`).
pub const CALL_BYTES: u32 = Extra::Resume.words() as u32 * 8;

/// The first word of an instruction.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Operation number.
    pub op: u8,
    /// First operand.
    pub a: u8,
    /// Second operand.
    pub b: u8,
    /// Third operand.
    pub c: u8,
    /// Wide operand.
    pub d: u32,
}

impl Insn {
    /// An instruction from its fields.
    pub const fn new(op: Op, a: u8, b: u8, c: u8, d: u32) -> Insn {
        Insn {
            op: op as u8,
            a,
            b,
            c,
            d,
        }
    }

    /// The word as stored.
    pub const fn to_word(self) -> u64 {
        (self.op as u64)
            | (self.a as u64) << 8
            | (self.b as u64) << 16
            | (self.c as u64) << 24
            | (self.d as u64) << 32
    }

    /// The fields of a stored word.
    pub const fn from_word(w: u64) -> Insn {
        Insn {
            op: w as u8,
            a: (w >> 8) as u8,
            b: (w >> 16) as u8,
            c: (w >> 24) as u8,
            d: (w >> 32) as u32,
        }
    }
}

// `with_loop` and `without_loop` rely on the same order of both groups.
const _: () = {
    let mut i = 0;
    while i <= Op::JumpNotLeKV as usize - Op::JumpIf as usize {
        let forward = OPS[Op::JumpIf as usize + i].name.as_bytes();
        let back = OPS[Op::LoopIf as usize + i].name.as_bytes();
        assert!(forward.len() == back.len());
        let mut c = 4;
        while c < forward.len() {
            assert!(forward[c] == back[c]);
            c += 1;
        }
        i += 1;
    }
};
