//! Linking: a bundle's AOT code and rodata go into a region, imports are resolved by name.
//!
//! The image in the region:
//!
//! ```text
//! code, padding, rodata, padding, island * number of imports
//! island = jmp [rip + 2] (6 bytes), CC CC, address u64       16 bytes, aligned by 8
//! ```
//!
//! An island carries a call or jump to a function that a 32-bit distance does not reach;
//! it clobbers no register, because the stencils' calling convention passes arguments in
//! nearly all of them. There is one for each import whether or not it is needed: that is
//! 16 bytes, and it makes the islands the table of import addresses too, so that neither
//! linking nor emitting needs a table of the caller's, and using one can't fail.
//!
//! Must never keep a partly linked image: on an error the space goes back.

use crate::error::{LinkError, ReadyError};
use crate::field;
use crate::ready::{Outline, PatchSlot, StencilSlot, Table};
use crate::region::{CodeBlock, CodeRegion};
use crate::view::OutOfRange;
use stencil_format::{AotFunction, Bundle, CpuFeatures};

const ISLAND_LEN: u32 = 16;
/// Where the address lies in an island.
const ISLAND_ADDRESS: u32 = 8;
/// `jmp qword ptr [rip + 2]`, then two bytes that are never executed.
const ISLAND_JUMP: [u8; 8] = [0xff, 0x25, 0x02, 0, 0, 0, 0xcc, 0xcc];

/// The addend of a call or jump: the field is the instruction's last.
const CALL_ADDEND: i64 = -4;

/// What the running client is, to compare with what the bundle was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The client's ABI fingerprint; the bundle must have the same.
    pub abi_fingerprint: [u8; 32],
    /// CPU features that may be used; the bundle must not need others.
    pub cpu_features: CpuFeatures,
}

/// A bundle whose AOT part is in a region: the way to its functions and its stencils.
pub struct LinkedBundle<'a> {
    bundle: Bundle<'a>,
    block: CodeBlock,
    /// The region's base address, to know the region again.
    region_base: usize,
    /// Offset in the region of the image.
    image: u32,
    /// Offset in the region of the first island.
    islands: u32,
    table: Table<'a>,
}

/// Copies the bundle's AOT code and rodata into the region and resolves its imports.
///
/// `resolve` gives the address of the function with a name, an `extern "sysv64"` one; see
/// [`resolve_from`] for a table. It is asked once for each import, whether or not AOT code
/// calls it, since stencils may.
///
/// # Errors
/// [`LinkError`]; nothing stays in the region then.
///
/// # Safety of the result
/// Linking is safe; calling what was linked is the caller's `unsafe`, and relies on the
/// bundle's being made from code that is sound, on the fingerprint's being honest, and on
/// the addresses' being functions of the right signatures.
pub fn link<'a>(
    bundle: &Bundle<'a>,
    region: &mut CodeRegion<'_>,
    expectations: &Expectations,
    resolve: impl FnMut(&str) -> Option<usize>,
) -> Result<LinkedBundle<'a>, LinkError<'a>> {
    let found = bundle.abi_fingerprint();
    if found != expectations.abi_fingerprint {
        return Err(LinkError::AbiMismatch {
            expected: expectations.abi_fingerprint,
            found,
        });
    }
    let missing = bundle.cpu_features().without(expectations.cpu_features);
    if !missing.is_empty() {
        return Err(LinkError::CpuFeatures { missing });
    }
    // A bundle is shorter than 2^31, and an import takes at least 9 bytes of it and 16 here:
    // so none of this overflows a u32.
    let islands_at = bundle.image_len().next_multiple_of(8);
    let len = islands_at + bundle.import_count() * ISLAND_LEN;
    let align = bundle.image_align().max(8);
    let block = region.allocate(len, 0, align)?;
    let image = block.hot().end - len;
    let linked = LinkedBundle {
        bundle: *bundle,
        region_base: region.base(),
        image,
        islands: image + islands_at,
        block,
        table: Table::default(),
    };
    if let Err(error) = region.view.open() {
        region.release(&linked.block);
        return Err(LinkError::Space(error.into()));
    }
    let written = linked.write_image(region, image, resolve);
    let closed = region.view.close();
    match (written, closed) {
        (Ok(()), Ok(())) => Ok(linked),
        (Err(error), _) => {
            region.release(&linked.block);
            Err(error)
        }
        (Ok(()), Err(error)) => {
            region.release(&linked.block);
            Err(LinkError::Space(error.into()))
        }
    }
}

/// A resolver over a table of names and addresses, for [`link`].
pub fn resolve_from<'t>(imports: &'t [(&'t str, usize)]) -> impl FnMut(&str) -> Option<usize> + 't {
    move |name| {
        imports
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, address)| address)
    }
}

/// Fills tables for [`LinkedBundle::use_ready`]: a slot for each stencil, and one for each hole,
/// wherever the bundle will be linked.
///
/// # Errors
/// [`ReadyError::TooFewSlots`].
pub fn fill_tables(
    bundle: &Bundle<'_>,
    stencils: &mut [StencilSlot],
    patches: &mut [PatchSlot],
) -> Result<(), ReadyError> {
    Table::fill(bundle, stencils, patches).map(|_| ())
}

impl<'a> LinkedBundle<'a> {
    /// The bundle.
    pub fn bundle(&self) -> &Bundle<'a> {
        &self.bundle
    }

    /// Execute address of the AOT function with this name.
    pub fn function_address(&self, name: &str) -> Option<usize> {
        Some(self.address_of(&self.bundle.function_by_name(name)?))
    }

    /// Execute address of the AOT function with this index.
    pub fn function_address_at(&self, index: u32) -> Option<usize> {
        Some(self.address_of(&self.bundle.function(index)?))
    }

    fn address_of(&self, function: &AotFunction<'_>) -> usize {
        self.block.entry() + function.offset as usize
    }

    /// Execute address of the rodata.
    pub fn rodata_address(&self) -> usize {
        self.block.entry() + self.bundle.rodata_offset() as usize
    }

    /// The AOT function whose code an execute address lies in, and the distance from its
    /// entry: for backtraces and profiles. Takes time linear in the number of functions.
    pub fn function_at(&self, address: usize) -> Option<(AotFunction<'a>, usize)> {
        let offset = address.checked_sub(self.block.entry())?;
        self.bundle
            .functions()
            .find(|f| {
                offset
                    .checked_sub(f.offset as usize)
                    .is_some_and(|at| at < f.size as usize)
            })
            .map(|function| (function, offset - function.offset as usize))
    }

    /// Bytes that it takes in the region.
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// Whether it takes no bytes: no AOT code, no rodata, no imports.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Gives up the link: the block, to be handed to [`CodeRegion::free`], whose contract
    /// then covers all code that was emitted from this bundle, too.
    pub fn into_block(self) -> CodeBlock {
        self.block
    }

    /// Slots that [`LinkedBundle::make_ready`] wants: for stencils, and for patches.
    pub fn ready_slots(&self) -> (usize, usize) {
        let stencils = self.bundle.stencil_count() as usize;
        (stencils, self.bundle.templates().hole_count())
    }

    /// Translates the stencils' holes once, into tables in the caller's memory: then
    /// [`Stamper`](crate::Stamper) can emit them.
    ///
    /// # Errors
    /// [`ReadyError::TooFewSlots`]; everything is as before then.
    pub fn make_ready(
        &mut self,
        stencils: &'a mut [StencilSlot],
        patches: &'a mut [PatchSlot],
    ) -> Result<(), ReadyError> {
        self.table = Table::fill(&self.bundle, stencils, patches)?;
        Ok(())
    }

    /// The same with tables that [`fill_tables`] has filled for this very bundle, say when the
    /// program was built. Those of another bundle may be refused or give nonsense as code, but
    /// nothing is written outside of it.
    ///
    /// # Errors
    /// [`ReadyError::Unsound`]; everything is as before then.
    pub fn use_ready(
        &mut self,
        stencils: &'a [StencilSlot],
        patches: &'a [PatchSlot],
    ) -> Result<(), ReadyError> {
        self.table = Table::check(&self.bundle, stencils, patches)?;
        Ok(())
    }

    /// What a stencil takes in the code, if it was made ready.
    #[inline(always)]
    pub fn outline(&self, index: u32) -> Option<Outline> {
        let slot = self.table.get(index)?;
        self.table.expect(slot);
        Some(slot.outline())
    }

    /// The stencils that were made ready.
    #[inline]
    pub(crate) fn table(&self) -> Table<'a> {
        self.table
    }

    /// Offset in the region of the image: code first.
    pub(crate) fn image(&self) -> u32 {
        self.image
    }

    pub(crate) fn is_in(&self, region: &CodeRegion<'_>) -> bool {
        self.region_base == region.base()
    }

    /// Offset in the region that a `Rel32` field at `place` refers to to reach an import:
    /// the import's own, or, where that is too far, its island's. Out of reach if neither
    /// is possible.
    pub(crate) fn import_offset(
        &self,
        region: &CodeRegion<'_>,
        import: u32,
        place: u32,
        addend: i64,
    ) -> i64 {
        let island = self.islands + import * ISLAND_LEN;
        // Written by `write_image`, in the region.
        let address = region.view.read_u64(island + ISLAND_ADDRESS).unwrap_or(0);
        let direct = field::offset_of(address as usize, region.view.base());
        // Any other addend means a place inside the import, not its entry.
        let through_island = addend == CALL_ADDEND;
        if through_island && field::near(direct, place, addend).is_none() {
            island.into()
        } else {
            direct
        }
    }

    fn write_image(
        &self,
        region: &mut CodeRegion<'_>,
        image: u32,
        mut resolve: impl FnMut(&str) -> Option<usize>,
    ) -> Result<(), LinkError<'a>> {
        let bundle = &self.bundle;
        // The block has the length that all of this adds up to; running over would be a
        // mistake of this file's.
        let full = |_: OutOfRange| {
            LinkError::Space(crate::SpaceError::RegionFull {
                hot: self.block.hot().len(),
                cold: 0,
                free: 0,
            })
        };
        region.view.write(image, bundle.code()).map_err(full)?;
        let code_end = image + bundle.code().len() as u32;
        let rodata = image + bundle.rodata_offset();
        region
            .view
            .fill(code_end, rodata - code_end, 0xcc)
            .map_err(full)?;
        region.view.write(rodata, bundle.rodata()).map_err(full)?;
        let rodata_end = image + bundle.image_len();
        region
            .view
            .fill(rodata_end, self.islands - rodata_end, 0xcc)
            .map_err(full)?;
        let mut island = self.islands;
        for name in bundle.imports() {
            let address = resolve(name).ok_or(LinkError::MissingImport { name })?;
            region.view.write(island, &ISLAND_JUMP).map_err(full)?;
            region
                .view
                .write(island + ISLAND_ADDRESS, &(address as u64).to_le_bytes())
                .map_err(full)?;
            island += ISLAND_LEN;
        }
        for reloc in bundle.relocations() {
            let at = image + reloc.offset;
            let addend = reloc.addend.into();
            let target = self.import_offset(region, reloc.import, at, addend);
            let bytes = field::near(target, at, addend).ok_or(LinkError::OutOfReach {
                name: bundle.import(reloc.import).unwrap_or_default(),
                offset: reloc.offset,
            })?;
            region.view.write(at, &bytes).map_err(full)?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for LinkedBundle<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LinkedBundle")
            .field("bundle", &self.bundle)
            .field("entry", &format_args!("{:#x}", self.block.entry()))
            .field("len", &self.len())
            .finish()
    }
}
