//! `package`, `require`, `module`.
//!
//! Every VM has them: without a system, `require` finds what is in `package.preload`,
//! and what loaders find that the embedder adds to `package.loaders`. `open_system` adds
//! the loaders that look for files, and the paths. There are no C libraries here, so a
//! C module that is found can't be loaded, as in a reference without dynamic loading.

use super::base::raise_at;
use super::builder::Builder;
use super::files::c_text;
use super::load::set_environment;
use super::load_file::load_file;
use crate::error::{Raise, Text};
use crate::heap::{ClosureRef, NoMemory, Rt, StrRef, TableRef};
use crate::levels::Level;
use crate::native::{Call, NativeFn, Results};
use crate::system::{OpenMode, System};
use crate::value::{Value, tag};

/// Where `package.path` starts from; Debian's.
const PATH: &[u8] = b"./?.lua;/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua;\
/usr/local/lib/lua/5.1/?.lua;/usr/local/lib/lua/5.1/?/init.lua;\
/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua";
/// Where `package.cpath` starts from.
const C_PATH: &[u8] = b"./?.so;/usr/local/lib/lua/5.1/?.so;/usr/lib/lua/5.1/?.so;\
/usr/local/lib/lua/5.1/loadall.so";
/// Folder separator, template separator, mark, mark of the program's folder, ignore mark.
const CONFIG: &[u8] = b"/\n;\n?\n!\n-";
const NO_LIBRARIES: &[u8] = b"dynamic libraries not enabled; check your Lua installation";
/// Stands in `package.loaded` for a module that is being loaded: no program can make it.
const LOADING: Value = Value::tagged(tag::LIGHT, 0x10AD);

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    let root = rt.root_shape(0)?;
    let package = rt.library_table("package")?;
    // SAFETY: plain field.
    let registry = TableRef(unsafe { (*rt.vm()).registry });
    let loaded = rt.new_table(root, 0)?;
    rt.set_member(registry, "_LOADED", loaded.value())?;
    let preload = rt.new_table(root, 0)?;
    let loaders = rt.new_table(root, 4)?;
    rt.set_member(package, "loaded", loaded.value())?;
    rt.set_member(package, "preload", preload.value())?;
    rt.set_member(package, "loaders", loaders.value())?;
    rt.set_member(package, "config", rt.intern(CONFIG)?.value())?;
    rt.set_member(package, "path", rt.empty_string().value())?;
    rt.set_member(package, "cpath", rt.empty_string().value())?;
    rt.register("package", &[("loadlib", loadlib), ("seeall", seeall)])?;
    let upvalues = [package.value(), loaded.value()];
    let globals = rt.globals();
    for (name, f) in [("require", require as NativeFn), ("module", module)] {
        let key = rt.intern(name.as_bytes())?;
        let f = rt.new_native(f, 0, key.0, globals.0, &upvalues)?;
        rt.raw_set_str(globals, key, f.value())?;
    }
    add_loader(rt, 1, preloaded)?;
    note_libraries(rt)
}

/// Adds what needs files.
pub(super) fn open_system(rt: Rt, system: &dyn System) -> Result<(), NoMemory> {
    let package = rt.library_table("package")?;
    for (name, variable, default) in [
        ("path", &b"LUA_PATH"[..], PATH),
        ("cpath", b"LUA_CPATH", C_PATH),
    ] {
        let mut path = Ok(None);
        system.variable(variable, &mut |text| {
            path = with_default(rt, text, default).map(Some)
        });
        let path = match path? {
            Some(path) => path,
            None => rt.intern(default)?,
        };
        rt.set_member(package, name, path.value())?;
    }
    add_loader(rt, 2, from_file)?;
    add_loader(rt, 3, from_c_file)?;
    add_loader(rt, 4, from_c_root)?;
    note_libraries(rt)
}

/// Enters the libraries into `package.loaded`.
fn note_libraries(rt: Rt) -> Result<(), NoMemory> {
    let globals = rt.globals();
    // SAFETY: plain field.
    let registry = TableRef(unsafe { (*rt.vm()).registry });
    let loaded = rt.raw_get_str(registry, rt.intern(b"_LOADED")?);
    let Some(loaded) = TableRef::from_value(loaded) else {
        return Ok(());
    };
    for name in [
        "_G",
        "package",
        "coroutine",
        "table",
        "io",
        "os",
        "string",
        "math",
        "debug",
    ] {
        let key = rt.intern(name.as_bytes())?;
        let library = rt.raw_get_str(globals, key);
        if !library.is_nil() {
            rt.raw_set_str(loaded, key, library)?;
        }
    }
    Ok(())
}

/// Puts a function into `package.loaders`.
fn add_loader(rt: Rt, place: u32, f: NativeFn) -> Result<(), NoMemory> {
    let package = rt.library_table("package")?;
    let loaders = rt.raw_get_str(package, rt.intern(b"loaders")?);
    let Some(loaders) = TableRef::from_value(loaders) else {
        return Ok(());
    };
    let f = rt.new_native(f, 0, 0, rt.globals().0, &[package.value()])?;
    rt.raw_set_int(loaders, place, f.value())
}

/// A path from the environment, the default in place of each `;;`.
fn with_default(rt: Rt, path: &[u8], default: &[u8]) -> Result<StrRef, NoMemory> {
    let mut out = Builder::new(rt);
    let mut rest = path;
    while let Some((&b, after)) = rest.split_first() {
        if let [b';', b';', after @ ..] = rest {
            out.push(b";")?;
            out.push(default)?;
            out.push(b";")?;
            rest = after;
        } else {
            out.push_byte(b)?;
            rest = after;
        }
    }
    out.finish()
}

// ---- what functions remember

fn package(call: &Call) -> Result<TableRef, Raise> {
    TableRef::from_value(call.upvalue(0)).ok_or(Raise::Error)
}

fn field(call: &Call, name: &str) -> Result<Value, Raise> {
    let rt = call.rt();
    Ok(rt.raw_get_str(package(call)?, rt.intern(name.as_bytes())?))
}

/// `'package.name' must be a <what>`
fn wrong_field(call: &Call, name: &str, what: &str) -> Raise {
    let mut text = Text::new();
    text.push(b"'package.");
    text.push(name.as_bytes());
    text.push(b"' must be a ");
    text.push(what.as_bytes());
    call.rt().raise_text(text.bytes())
}

/// Raises a message of any length with the position of the caller.
fn raise_parts(call: &mut Call, parts: &[&[u8]]) -> Raise {
    let rt = call.rt();
    let raised = call.surely(|_| {
        let mut text = Builder::new(rt);
        for part in parts {
            text.push(part)?;
        }
        let message = text.finish()?;
        Err::<(), _>(raise_at(rt, 0, message.value()))
    });
    raised.err().unwrap_or(Raise::Error)
}

// ---- require

fn require(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let name = call.check_string(0)?;
    let loaded = TableRef::from_value(call.upvalue(1)).ok_or(Raise::Error)?;
    let found = rt.raw_get_str(loaded, name);
    if found == LOADING {
        let name = rt.str_bytes(name);
        let text: &[&[u8]] = &[b"loop or previous error loading module '", name, b"'"];
        return Err(raise_parts(call, text));
    }
    if !found.is_falsy() {
        return call.ret(found);
    }
    let Some(loaders) = TableRef::from_value(field(call, "loaders")?) else {
        return Err(wrong_field(call, "loaders", "table"));
    };
    call.push(loaders.value())?;
    let kept = call.push(Value::NIL)?;
    let mut tried = Builder::new(rt);
    // From here on there are side effects: nothing may ask for a repetition.
    let mut place = 1;
    let loader = loop {
        let loader = rt.raw_get_int(loaders, place);
        if loader.is_nil() {
            let name = rt.str_bytes(name);
            let text: &[&[u8]] = &[b"module '", name, b"' not found:", tried.bytes()];
            return Err(raise_parts(call, text));
        }
        call.set_arg(kept, loader);
        let n = call.call_surely(loader, &[name.value()])?;
        let found = call.call_result(0, n);
        call.set_arg(kept, found);
        if found.is_function() {
            break found;
        }
        if found.is_number() || StrRef::from_value(found).is_some() {
            call.surely(|_| Ok(tried.push(rt.text_of(found, &mut [0; 32]))?))?;
        }
        place += 1;
    };
    call.surely(|_| Ok(rt.raw_set_str(loaded, name, LOADING)?))?;
    let n = call.call_surely(loader, &[name.value()])?;
    let result = call.call_result(0, n);
    call.set_arg(kept, result);
    let result = match result {
        v if !v.is_nil() => v,
        // The module may have entered itself.
        _ => match rt.raw_get_str(loaded, name) {
            LOADING => Value::TRUE,
            v => return call.ret(v),
        },
    };
    call.surely(|_| Ok(rt.raw_set_str(loaded, name, result)?))?;
    call.ret(result)
}

/// The loader for what is in `package.preload`.
fn preloaded(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let name = call.check_string(0)?;
    let Some(preload) = TableRef::from_value(field(call, "preload")?) else {
        return Err(wrong_field(call, "preload", "table"));
    };
    let found = rt.raw_get_str(preload, name);
    if !found.is_nil() {
        return call.ret(found);
    }
    let mut text = Builder::new(rt);
    text.push(b"\n\tno field package.preload['")?;
    text.push(rt.str_bytes(name))?;
    text.push(b"']")?;
    call.ret(text.finish()?.value())
}

/// What looking through a path gave.
enum Search {
    Found(StrRef),
    /// The list of names that were tried.
    Nothing(StrRef),
}

/// Looks for a module's file in `package.<path>`.
fn search(call: &mut Call, name: &[u8], path: &str) -> Result<Search, Raise> {
    let rt = call.rt();
    let system = rt.system().ok_or(Raise::Error)?;
    let Some(templates) = StrRef::from_value(field(call, path)?) else {
        return Err(wrong_field(call, path, "string"));
    };
    let mode = OpenMode {
        read: true,
        write: false,
        truncate: false,
        create: false,
        append: false,
    };
    let mut tried = Builder::new(rt);
    let templates = rt.str_bytes(templates).split(|&b| b == b';');
    for template in templates.filter(|t| !t.is_empty()) {
        let mut file = Builder::new(rt);
        for &b in template {
            match b {
                b'?' => {
                    for &b in c_text(name) {
                        file.push_byte(if b == b'.' { b'/' } else { b })?;
                    }
                }
                b => file.push_byte(b)?,
            }
        }
        let file = file.finish()?;
        call.charge(1);
        if let Ok(id) = system.open(c_text(rt.str_bytes(file)), mode) {
            // It was only looked at.
            let _ = system.close(id);
            return Ok(Search::Found(file));
        }
        tried.push(b"\n\tno file '")?;
        tried.push(rt.str_bytes(file))?;
        tried.push(b"'")?;
    }
    Ok(Search::Nothing(tried.finish()?))
}

/// "error loading module ..."
fn cannot_load(call: &mut Call, file: StrRef, why: &[u8]) -> Raise {
    let rt = call.rt();
    let name = StrRef::from_value(call.arg(0)).map_or(&b"?"[..], |s| rt.str_bytes(s));
    let file = rt.str_bytes(file);
    let text: &[&[u8]] = &[
        b"error loading module '",
        name,
        b"' from file '",
        file,
        b"':\n\t",
        why,
    ];
    raise_parts(call, text)
}

/// The loader for Lua files.
fn from_file(call: &mut Call) -> Result<Results, Raise> {
    let name = call.check_string(0)?;
    match search(call, call.rt().str_bytes(name), "path")? {
        Search::Nothing(tried) => call.ret(tried.value()),
        Search::Found(file) => {
            // Where a collection sees it.
            call.push(file.value())?;
            match load_file(call, Some(file))? {
                Ok(function) => call.ret(function),
                Err(message) => {
                    call.surely(|call| call.push(message.value()))?;
                    let why = call.rt().str_bytes(message);
                    Err(cannot_load(call, file, why))
                }
            }
        }
    }
}

/// The loader for C libraries.
fn from_c_file(call: &mut Call) -> Result<Results, Raise> {
    let name = call.check_string(0)?;
    match search(call, call.rt().str_bytes(name), "cpath")? {
        Search::Nothing(tried) => call.ret(tried.value()),
        Search::Found(file) => Err(cannot_load(call, file, NO_LIBRARIES)),
    }
}

/// The loader for C libraries that hold several modules.
fn from_c_root(call: &mut Call) -> Result<Results, Raise> {
    let name = call.check_string(0)?;
    let name = call.rt().str_bytes(name);
    let Some(dot) = name.iter().position(|&b| b == b'.') else {
        return call.ret0();
    };
    match search(call, name.get(..dot).unwrap_or(&[]), "cpath")? {
        Search::Nothing(tried) => call.ret(tried.value()),
        Search::Found(file) => Err(cannot_load(call, file, NO_LIBRARIES)),
    }
}

// ---- package.*

fn loadlib(call: &mut Call) -> Result<Results, Raise> {
    call.check_string(0)?;
    call.check_string(1)?;
    let rt = call.rt();
    let message = rt.intern(NO_LIBRARIES)?;
    let kind = rt.intern(b"absent")?;
    call.ret_many(&[Value::NIL, message.value(), kind.value()])
}

fn seeall(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let t = call.check_table(0)?;
    let meta = match rt.metatable_of(t.value()) {
        0 => {
            let meta = rt.new_table(rt.root_shape(0)?, 0)?;
            rt.set_table_meta(t, meta.0)?;
            meta
        }
        meta => TableRef(meta),
    };
    // SAFETY: the live running thread.
    let globals = TableRef(unsafe { (*rt.current()).env });
    rt.raw_set_str(meta, rt.intern(b"__index")?, globals.value())?;
    call.ret0()
}

// ---- module

/// `module(name, ...)`
fn module(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let name = call.check_string(0)?;
    let loaded = TableRef::from_value(call.upvalue(1)).ok_or(Raise::Error)?;
    // All of this can be done again from the start, up to the calls.
    let t = match TableRef::from_value(rt.raw_get_str(loaded, name)) {
        Some(t) => t,
        None => {
            let Some(t) = named_table(rt, rt.str_bytes(name))? else {
                let name = rt.str_bytes(name);
                let text: &[&[u8]] = &[b"name conflict for module '", name, b"'"];
                return Err(raise_parts(call, text));
            };
            rt.raw_set_str(loaded, name, t.value())?;
            t
        }
    };
    if rt.raw_get_str(t, rt.intern(b"_NAME")?).is_nil() {
        let text = rt.str_bytes(name);
        let prefix = text.iter().rposition(|&b| b == b'.').map_or(0, |i| i + 1);
        let prefix = rt.intern(text.get(..prefix).unwrap_or(&[]))?;
        rt.set_member(t, "_M", t.value())?;
        rt.set_member(t, "_PACKAGE", prefix.value())?;
        rt.set_member(t, "_NAME", name.value())?;
    }
    let caller = match rt.level(rt.running(), 1) {
        Some(Level::Frame(f)) => ClosureRef::from_value(f.function),
        _ => None,
    };
    let Some(caller) = caller else {
        return Err(rt.raise_text(b"'module' not called from a Lua function"));
    };
    let options = call.count();
    call.reserve(options + 8)?;
    set_environment(rt, caller, t);
    for i in 1..options {
        let option = call.arg(i);
        call.call_surely(option, &[t.value()])?;
    }
    call.ret0()
}

/// The table behind a dotted name among the globals, made if it isn't there; `None` if
/// something else is.
fn named_table(rt: Rt, name: &[u8]) -> Result<Option<TableRef>, NoMemory> {
    // SAFETY: the live running thread.
    let mut t = TableRef(unsafe { (*rt.current()).env });
    for part in name.split(|&b| b == b'.') {
        let key = rt.intern(part)?;
        let v = rt.raw_get_str(t, key);
        t = match TableRef::from_value(v) {
            Some(inner) => inner,
            None if v.is_nil() => {
                let inner = rt.new_table(rt.root_shape(0)?, 0)?;
                rt.raw_set_str(t, key, inner.value())?;
                inner
            }
            None => return Ok(None),
        };
    }
    Ok(Some(t))
}
