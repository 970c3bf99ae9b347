//! Names of compiled functions for native tools: a map file for `perf`, and objects in
//! memory for debuggers, by GDB's JIT interface.
//!
//! Grammar of the map file: lines `address size name`, the numbers in hexadecimal. An entry
//! for memory that is used again comes later than the old one. GDB reads the list that
//! begins in `__jit_debug_descriptor` whenever `__jit_debug_register_code` is reached.
//!
//! Must never keep code alive, nor fail a program: who can't write a map has none. Called by
//! `watch`.

use object::Endianness;
use object::elf;
use object::write::elf::{FileHeader, SectionHeader, Sym, Writer};
use std::fs::File;
use std::io::Write;
use std::ptr::null_mut;

/// The map file of `perf`.
pub struct PerfMap(File);

impl PerfMap {
    /// Begins a map for this process, where `perf` looks for it.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn begin() -> std::io::Result<PerfMap> {
        File::create(format!("/tmp/perf-{}.map", std::process::id())).map(PerfMap)
    }

    /// Adds code.
    pub fn add(&mut self, name: &str, code: &[u8]) {
        let at = code.as_ptr().addr();
        let line = format!("{at:x} {:x} {name}\n", code.len());
        // Without the name the profile is still right.
        let _ = self.0.write_all(line.as_bytes());
    }
}

/// An object file in memory, of GDB's interface.
#[repr(C)]
struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    file: *const u8,
    size: u64,
}

/// Head of the list, of GDB's interface.
#[repr(C)]
pub struct Descriptor {
    version: u32,
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

const REGISTER: u32 = 1;
const UNREGISTER: u32 = 2;

// SAFETY: the name is that of the interface; nothing else defines it.
#[unsafe(no_mangle)]
static mut __jit_debug_descriptor: Descriptor = Descriptor {
    version: 1,
    action: 0,
    relevant: null_mut(),
    first: null_mut(),
};

/// Where a debugger has its breakpoint.
// SAFETY: the name is that of the interface; nothing else defines it.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn __jit_debug_register_code() {
    // SAFETY: does nothing, but the compiler can't know.
    unsafe { core::arch::asm!("", options(nostack, preserves_flags)) }
}

/// Tells the debugger of a change at `entry`.
fn announce(action: u32, entry: *mut Entry) {
    // SAFETY: one thread uses the descriptor (`watch`), and the debugger while it stands.
    unsafe {
        let descriptor = &raw mut __jit_debug_descriptor;
        (*descriptor).action = action;
        (*descriptor).relevant = entry;
        __jit_debug_register_code();
    }
}

/// What the debugger was told of.
#[derive(Default)]
pub struct Debugger(Vec<Registered>);

struct Registered {
    /// Address of the code.
    key: usize,
    entry: Box<Entry>,
    /// What `entry` refers to.
    _file: Vec<u8>,
}

impl Debugger {
    /// Tells the debugger of a function.
    pub fn add(&mut self, name: &str, code: &[u8]) {
        let Some(file) = object_file(name, code) else {
            return;
        };
        let key = code.as_ptr().addr();
        let mut entry = Box::new(Entry {
            next: null_mut(),
            previous: null_mut(),
            file: file.as_ptr(),
            size: file.len() as u64,
        });
        let this: *mut Entry = &raw mut *entry;
        // SAFETY: the list holds entries of `self`, which stay where they are in their boxes.
        unsafe {
            let descriptor = &raw mut __jit_debug_descriptor;
            let first = (*descriptor).first;
            (*this).next = first;
            if !first.is_null() {
                (*first).previous = this;
            }
            (*descriptor).first = this;
        }
        self.0.push(Registered {
            key,
            entry,
            _file: file,
        });
        announce(REGISTER, this);
    }

    /// Tells that code that was added is about to vanish.
    pub fn remove(&mut self, code: &[u8]) {
        let key = code.as_ptr().addr();
        let Some(at) = self.0.iter().position(|r| r.key == key) else {
            return;
        };
        let mut gone = self.0.swap_remove(at);
        let this: *mut Entry = &raw mut *gone.entry;
        // SAFETY: as in `add`.
        unsafe {
            let (next, previous) = ((*this).next, (*this).previous);
            if previous.is_null() {
                let descriptor = &raw mut __jit_debug_descriptor;
                (*descriptor).first = next;
            } else {
                (*previous).next = next;
            }
            if !next.is_null() {
                (*next).previous = previous;
            }
        }
        announce(UNREGISTER, this);
    }
}

/// An ELF file that says where a function is; it doesn't hold the code.
fn object_file(name: &str, code: &[u8]) -> Option<Vec<u8>> {
    let start = code.as_ptr().addr() as u64;
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::Little, true, &mut bytes);
    writer.reserve_null_section_index();
    let text_name = writer.add_section_name(b".text");
    let text = writer.reserve_section_index();
    writer.reserve_null_symbol_index();
    let name = writer.add_string(name.as_bytes());
    writer.reserve_symbol_index(Some(text));
    writer.reserve_symtab_section_index();
    writer.reserve_strtab_section_index();
    writer.reserve_shstrtab_section_index();
    writer.reserve_file_header();
    writer.reserve_symtab();
    writer.reserve_strtab().ok()?;
    writer.reserve_shstrtab().ok()?;
    writer.reserve_section_headers();

    let header = FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_EXEC,
        e_machine: elf::EM_X86_64,
        e_entry: 0,
        e_flags: elf::FileFlags(0),
    };
    writer.write_file_header(&header).ok()?;
    writer.write_null_symbol();
    let symbol = Sym {
        st_name: writer.string_offset(Some(name)),
        section: Some(text.0),
        st_info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_FUNC),
        st_other: elf::SymbolOther(0),
        st_shndx: elf::SymbolSection(0),
        st_value: start,
        st_size: code.len() as u64,
    };
    writer.write_symbol(&symbol);
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    let header = SectionHeader {
        sh_name: writer.section_name_offset(Some(text_name)),
        sh_type: elf::SHT_NOBITS,
        sh_flags: elf::SHF_ALLOC | elf::SHF_EXECINSTR,
        sh_addr: start,
        sh_offset: 0,
        sh_size: code.len() as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 1,
        sh_entsize: 0,
    };
    writer.write_section_header(&header);
    writer.write_symtab_section_header(1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    Some(bytes)
}
