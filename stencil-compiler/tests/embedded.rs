//! Finding bundles inside of images, and the program's exit status.

use std::path::Path;
use std::process::{Command, Output};

use stencil_compiler::embedded::{Found, find};
use stencil_compiler::error::Error;
use stencil_format::{BundleModel, MAGIC, StencilModel};

fn bundle() -> Vec<u8> {
    let mut model = BundleModel::new("nobody");
    model.stencils.push(StencilModel {
        name: "trap".into(),
        hot: vec![0xcc],
        cold: Vec::new(),
        align: 1,
        fallthrough: None,
        holes: Vec::new(),
        register_holes: Vec::new(),
        short: None,
    });
    model.write().expect("a bundle")
}

/// An ELF object with `data` in a section of its own.
fn elf(data: &[u8]) -> Vec<u8> {
    use object::write::Object;
    use object::{Architecture, BinaryFormat, Endianness, SectionKind};
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let section = object.add_section(Vec::new(), b".bundle".to_vec(), SectionKind::ReadOnlyData);
    object.append_section_data(section, data, 1);
    object.write().expect("an object")
}

/// A PE image (PE32+) with one section, `.bundle`, that holds `data`.
fn pe(data: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &0x8664_u16.to_le_bytes());
    put(0x86, &1_u16.to_le_bytes()); // sections
    put(0x94, &240_u16.to_le_bytes()); // of the optional header
    put(0x96, &0x22_u16.to_le_bytes()); // executable, large addresses
    put(0x98, &0x20b_u16.to_le_bytes()); // PE32+
    put(0x98 + 32, &0x1000_u32.to_le_bytes()); // section alignment
    put(0x98 + 36, &0x200_u32.to_le_bytes()); // file alignment
    put(0x98 + 56, &0x3000_u32.to_le_bytes()); // size of the image
    put(0x98 + 60, &0x400_u32.to_le_bytes()); // size of the headers
    put(0x98 + 68, &3_u16.to_le_bytes()); // console
    put(0x98 + 108, &16_u32.to_le_bytes()); // data directories, all empty
    let section = 0x98 + 240;
    let size = (data.len() as u32).next_multiple_of(0x200);
    put(section, b".bundle\0");
    put(section + 8, &(data.len() as u32).to_le_bytes());
    put(section + 12, &0x1000_u32.to_le_bytes());
    put(section + 16, &size.to_le_bytes());
    put(section + 20, &0x400_u32.to_le_bytes());
    put(section + 36, &0x4000_0040_u32.to_le_bytes());
    image.extend_from_slice(data);
    image.resize(0x400 + size as usize, 0);
    image
}

/// The magic where there is no bundle, a damaged bundle, then two whole ones.
fn section() -> (Vec<u8>, Vec<usize>) {
    let whole = bundle();
    let mut data = vec![0; 13];
    data.extend(MAGIC);
    data.extend([0xff; 40]);
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    data.extend(&damaged);
    let mut places = Vec::new();
    for gap in [3, 0] {
        data.extend(vec![0x89; gap]);
        places.push(data.len());
        data.extend(&whole);
    }
    (data, places)
}

#[test]
fn bundles_in_images() {
    let (data, places) = section();
    for image in [elf(&data), pe(&data)] {
        let found = find(&image, Path::new("image")).expect("an image");
        assert_eq!(found.len(), places.len(), "{found:?}");
        for Found {
            offset,
            len,
            section,
        } in found
        {
            assert_eq!(image[offset..offset + len], bundle());
            assert_eq!(section.as_deref(), Some(".bundle"));
        }
    }
}

#[test]
fn files_without_a_bundle() {
    for bytes in [vec![], b"text".to_vec(), elf(b"nothing"), pe(&MAGIC)] {
        let found = find(&bytes, Path::new("file"));
        assert!(matches!(found, Err(Error::NoBundle { .. })), "{found:?}");
    }
    // Cut off images: an error, whichever.
    for image in [elf(&bundle()), pe(&bundle())] {
        for len in (0..image.len()).step_by(7) {
            if let Ok(found) = find(&image[..len], Path::new("file")) {
                assert!(found.iter().all(|found| found.offset + found.len <= len));
            }
        }
    }
}

fn program(arguments: &[&Path]) -> Output {
    let program = env!("CARGO_BIN_EXE_stencil-compiler");
    Command::new(program)
        .args(arguments)
        .output()
        .expect("it runs")
}

#[test]
fn commands_and_their_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let whole = file("a.stencils", &bundle());
    let image = file("image", &elf(&bundle()));
    let mut bytes = bundle();
    *bytes.last_mut().expect("a byte") ^= 1;
    let damaged = file("damaged.stencils", &bytes);
    let mut other = BundleModel::new("somebody");
    other.abi_fingerprint = [1; 32];
    let other = file("b.stencils", &other.write().expect("a bundle"));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let word = |word: &'static str| Path::new(word);

    for path in [&whole, &image] {
        let inspected = program(&[word("inspect"), path]);
        assert!(inspected.status.success());
        assert!(text(&inspected.stdout).contains("compiler         nobody"));
        assert!(program(&[word("verify"), path]).status.success());
        let code = program(&[word("disasm"), path, word("trap")]);
        assert!(
            text(&code.stdout).contains("int3"),
            "{}",
            text(&code.stdout)
        );
    }
    assert!(text(&program(&[word("inspect"), &image]).stdout).contains(".bundle, offset 0x"));

    let unknown = program(&[word("disasm"), &whole, word("other")]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("has no `other`"));
    let refused = program(&[word("verify"), &damaged]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("bundle: "),
        "{}",
        text(&refused.stderr)
    );

    let same = program(&[word("diff"), &whole, &image]);
    assert_eq!(
        (same.status.code(), text(&same.stdout).as_str()),
        (Some(0), "")
    );
    let differ = program(&[word("diff"), &whole, &other]);
    assert_eq!(differ.status.code(), Some(1));
    let lines = text(&differ.stdout);
    assert!(lines.contains("- stencil trap") && lines.contains("compiler: nobody -> somebody"));
    assert_eq!(program(&[word("frobnicate")]).status.code(), Some(2));
}
