//! Small objects: blocks of 16 KiB cut into cells of one size class, a free list
//! per class, swept lazily.
//!
//! A class has three lists of blocks: `swept`, whose free cells are in the free list or
//! were handed out, `ready`, which are swept but keep their free cells yet, and `unswept`.
//! When marking ends, all blocks become unswept. When the free list runs dry, it gets the
//! cells of a block that is ready, or of the next unswept one, and only when there is none,
//! the cells of a block that isn't *carved* to its end, or of a fresh one. The first block of
//! a class is carved page by page, since many classes have a few objects only. An entirely
//! empty block goes back to the pool that all classes share.
//! Cells count as allocated when they get into the free list.
//!
//! Called by: the allocating functions of each object kind. Never collects.

use super::{Header, Kind, MARK_MANUAL, NoMemory, Rt};

/// Size and alignment of a block.
pub const BLOCK: u32 = 16 << 10;
/// Bytes before a block's first cell.
pub const BLOCK_HEADER: u32 = 32;
/// Largest object that lives in a cell.
pub const MAX_SMALL: u32 = 2048;
/// As much of a class's first block is carved at once.
const PIECE: u32 = 4 << 10;
/// What sweeping a block costs, in bytes looked at, and what each line of the cache does.
const BLOCK_WORK: i64 = 256;
const LINE_WORK: i64 = 32;
/// The sweep asks for memory so many bytes before it looks at it.
const SWEEP_AHEAD: u32 = 1024;
/// The sweep of a string asks for the place of the one so many cells before it.
const REMOVE_AHEAD: u32 = 6;
/// Number of size classes.
pub const CLASSES: usize = 28;

/// Start of a block.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub next: u32,
    pub class: u32,
    pub cell_size: u32,
    /// Number of cells that were carved: memory behind them is untouched.
    pub cells: u32,
    /// Equals [`Cells::cycle`] once the block was swept after the last marking.
    pub swept: u32,
    /// While the block is ready: its free cells, and how many these are.
    pub free: u32,
    pub free_cells: u32,
    /// Number of cells that are carved at once.
    pub piece: u32,
}

/// State of all size classes; part of the VM state.
#[repr(C)]
pub struct Cells {
    /// Heads of the free lists. The interpreter's handlers pop from these.
    pub free: [u32; CLASSES],
    pub(crate) swept: [u32; CLASSES],
    pub(crate) ready: [u32; CLASSES],
    /// Two lists, since two lists become unswept at once.
    pub(crate) unswept: [[u32; CLASSES]; 2],
    /// The block of each class that isn't carved to its end, or 0.
    pub(crate) carving: [u32; CLASSES],
    /// Blocks that belong to no class.
    pub(crate) pool: u32,
    /// Blocks taken from the region at once.
    pub(crate) chunk_blocks: u32,
    /// What is left of the last such chunk: never touched so far.
    pub(crate) chunk: u32,
    pub(crate) chunk_end: u32,
    /// Counts the times that blocks became unswept.
    pub(crate) cycle: u32,
}

const fn class_sizes() -> [u16; CLASSES] {
    let mut out = [0; CLASSES];
    let mut i = 0;
    while i < 16 {
        out[i] = (i as u16 + 1) * 16;
        i += 1;
    }
    // Four classes per doubling above 256 bytes: at most a quarter is wasted.
    let mut base: u16 = 256;
    while i < CLASSES {
        let mut k = 1;
        while k <= 4 {
            out[i] = base + base / 4 * k;
            i += 1;
            k += 1;
        }
        base *= 2;
    }
    out
}

/// Cell size of each class in bytes.
pub static CLASS_SIZES: [u16; CLASSES] = class_sizes();
const _: () = assert!(class_sizes()[CLASSES - 1] as u32 == MAX_SMALL);

/// The class for an object of `size` bytes, `0 < size <= MAX_SMALL`.
#[inline(always)]
pub const fn class_for(size: u32) -> usize {
    if size <= 256 {
        (size as usize).wrapping_add(15) / 16 - 1
    } else {
        let top = 31 - (size - 1).leading_zeros(); // 8, 9 or 10
        let quarter = ((size - 1) >> (top - 2)) & 3;
        16 + (top as usize - 8) * 4 + quarter as usize
    }
}

impl Rt {
    /// Allocates `size` bytes for an object and writes its header; the rest is
    /// not initialized. `b2`, `b3` and `aux` are the kind's header fields.
    #[inline]
    pub(crate) fn allocate(
        self,
        kind: Kind,
        size: u32,
        b2: u8,
        b3: u8,
        aux: u32,
    ) -> Result<u32, NoMemory> {
        let offset = self.allocate_cell(size)?;
        // SAFETY: a plain field of the VM state.
        let mark = unsafe { (*self.vm()).fresh };
        self.set(
            offset,
            Header {
                kind: kind as u8,
                mark,
                b2,
                b3,
                aux,
            },
        );
        Ok(offset)
    }

    /// Allocates memory that lives until [`Rt::release`]: buffers of the front
    /// end and the library, the collector's own stack.
    pub(crate) fn allocate_manual(self, size: u32) -> Result<u32, NoMemory> {
        let offset = self.allocate_cell(size)?;
        self.set(
            offset,
            Header {
                kind: Kind::Raw as u8,
                mark: MARK_MANUAL,
                b2: 0,
                b3: 0,
                aux: 0,
            },
        );
        Ok(offset)
    }

    #[inline]
    fn allocate_cell(self, size: u32) -> Result<u32, NoMemory> {
        #[cfg(any(test, feature = "extra-checks"))]
        self.injected_failure()?;
        #[cfg(feature = "extra-checks")]
        if size <= MAX_SMALL {
            return self.allocate_hidden(class_for(size));
        }
        if size <= MAX_SMALL {
            let class = class_for(size);
            // SAFETY: plain field access; a free cell's `aux` links the list.
            unsafe {
                let head = (*self.vm()).cells.free[class];
                if head != 0 {
                    (*self.vm()).cells.free[class] = self.header(head).aux;
                    return Ok(head);
                }
            }
            self.refill(class)
        } else {
            self.allocate_span(size)
        }
    }

    /// The free list of a class is hidden from handlers while failures are injected, so
    /// that they come here: this shows it, allocates and hides it again.
    #[cfg(feature = "extra-checks")]
    fn allocate_hidden(self, class: usize) -> Result<u32, NoMemory> {
        // SAFETY: plain fields; cells of a free list are linked by `aux`.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            let hidden = core::mem::take(&mut (*self.vm()).hidden[class]);
            if (*cells).free[class] == 0 {
                (*cells).free[class] = hidden;
            } else if hidden != 0 {
                // Given back meanwhile.
                let mut last = (*cells).free[class];
                while self.header(last).aux != 0 {
                    last = self.header(last).aux;
                }
                let h = self.header(last);
                self.set(last, Header { aux: hidden, ..h });
            }
            let head = (*cells).free[class];
            let cell = if head != 0 {
                (*cells).free[class] = self.header(head).aux;
                Ok(head)
            } else {
                self.refill(class)
            };
            if (*self.vm()).fail_after != u64::MAX {
                self.hide_free_cells();
            }
            cell
        }
    }

    /// Hides all free lists from handlers.
    #[cfg(feature = "extra-checks")]
    pub(crate) fn hide_free_cells(self) {
        // SAFETY: plain fields.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            for class in 0..CLASSES {
                if (*self.vm()).hidden[class] == 0 {
                    (*self.vm()).hidden[class] = core::mem::take(&mut (*cells).free[class]);
                }
            }
        }
    }

    /// Gives back an object's memory at once. Only for memory with a single
    /// owner that has just let go of it.
    pub(crate) fn release(self, offset: u32, size: u32) {
        if size > MAX_SMALL {
            self.free_span(offset);
            return;
        }
        let class = class_for(size);
        let block: Block = self.get(offset & !(BLOCK - 1));
        // SAFETY: plain fields.
        unsafe {
            if block.swept == (*self.vm()).cells.cycle {
                let next = (*self.vm()).cells.free[class];
                self.set(
                    offset,
                    Header {
                        kind: 0,
                        mark: 0,
                        b2: 0,
                        b3: 0,
                        aux: next,
                    },
                );
                (*self.vm()).cells.free[class] = offset;
            } else {
                // The sweep will thread it; doing it here too would list it twice.
                self.set(
                    offset,
                    Header {
                        kind: 0,
                        mark: 0,
                        b2: 0,
                        b3: 0,
                        aux: 0,
                    },
                );
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(self, class: usize) -> Result<u32, NoMemory> {
        // SAFETY: block lists hold offsets of blocks, kept by this file alone.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            loop {
                // Sweeping a string may have given memory of the table of strings back.
                let cell = (*cells).free[class];
                if cell != 0 {
                    (*cells).free[class] = self.header(cell).aux;
                    return Ok(cell);
                }
                let block = (*cells).ready[class];
                if block != 0 {
                    let b: Block = self.get(block);
                    (*cells).ready[class] = b.next;
                    let next = (*cells).swept[class];
                    self.set(block, Block { next, free: 0, ..b });
                    (*cells).swept[class] = block;
                    self.charge_allocation(b.free_cells * b.cell_size);
                    (*cells).free[class] = self.header(b.free).aux;
                    return Ok(b.free);
                }
                if !self.sweep_block_of(class) {
                    break;
                }
                // One that turned out to be empty will do as well.
                if (*cells).ready[class] == 0 && (*cells).pool != 0 {
                    break;
                }
            }
            // The sweep of an unswept one will look at all cells there are by then.
            let carving = (*cells).carving[class];
            if carving != 0 && self.get::<Block>(carving).swept == (*cells).cycle {
                return Ok(self.carve(carving));
            }
            let block = self.add_block(class)?;
            Ok(self.carve(block))
        }
    }

    /// Gives a class a fresh block, of which nothing is carved.
    fn add_block(self, class: usize) -> Result<u32, NoMemory> {
        let block = self.take_block()?;
        // SAFETY: as `refill`.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            let next = (*cells).swept[class];
            let cell_size = CLASS_SIZES[class] as u32;
            let unswept = (*cells).unswept[0][class] | (*cells).unswept[1][class];
            let is_first = next | unswept == 0;
            if is_first {
                (*cells).carving[class] = block;
            }
            self.set(
                block,
                Block {
                    next,
                    class: class as u32,
                    cell_size,
                    cells: 0,
                    swept: (*cells).cycle,
                    free: 0,
                    free_cells: 0,
                    piece: if is_first { PIECE } else { BLOCK } / cell_size,
                },
            );
            (*cells).swept[class] = block;
        }
        Ok(block)
    }

    /// Makes cells of a block's next piece. All but one become the free list, which was empty.
    fn carve(self, block: u32) -> u32 {
        // SAFETY: as `refill`; the block has room for one cell at least, since it is fresh,
        // or the one of its class that isn't carved to its end.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            let b: Block = self.get(block);
            let class = b.class as usize;
            let room = (BLOCK - BLOCK_HEADER) / b.cell_size;
            let end = (b.cells + b.piece).min(room);
            if end == room && (*cells).carving[class] == block {
                (*cells).carving[class] = 0;
            }
            self.set(block, Block { cells: end, ..b });
            // Making room for the block may have given cells back.
            let mut head = (*cells).free[class];
            for i in (b.cells..end).rev() {
                let cell = block + BLOCK_HEADER + i * b.cell_size;
                self.set(
                    cell,
                    Header {
                        kind: 0,
                        mark: 0,
                        b2: 0,
                        b3: 0,
                        aux: head,
                    },
                );
                head = cell;
            }
            self.charge_allocation((end - b.cells) * b.cell_size);
            (*cells).free[class] = self.header(head).aux;
            head
        }
    }

    /// Frees the dead cells of a block. It becomes ready, or joins those without a free
    /// cell, or the pool when nothing lives in it.
    fn sweep_block(self, block: u32) {
        // SAFETY: as `refill`.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            let live = (*self.vm()).live;
            let b: Block = self.get(block);
            let mut free_cells = 0;
            let mut free = 0;
            for i in (0..b.cells).rev() {
                let cell = block + BLOCK_HEADER + i * b.cell_size;
                self.prefetch(cell.wrapping_sub(SWEEP_AHEAD));
                let h = self.header(cell);
                if h.kind == 0 || (h.mark != live && h.mark != MARK_MANUAL) {
                    if h.kind == Kind::String as u8 {
                        let ahead = i.saturating_sub(REMOVE_AHEAD) * b.cell_size;
                        let string = self.header(block + BLOCK_HEADER + ahead);
                        self.prefetch_line(string.aux);
                        self.remove_string(cell);
                    }
                    self.set(
                        cell,
                        Header {
                            kind: 0,
                            mark: 0,
                            b2: 0,
                            b3: 0,
                            aux: free,
                        },
                    );
                    free = cell;
                    free_cells += 1;
                }
            }
            let list = if free_cells == b.cells {
                if (*cells).carving[b.class as usize] == block {
                    (*cells).carving[b.class as usize] = 0;
                }
                &raw mut (*cells).pool
            } else if free_cells == 0 {
                &raw mut (*cells).swept[b.class as usize]
            } else {
                &raw mut (*cells).ready[b.class as usize]
            };
            self.set(
                block,
                Block {
                    next: *list,
                    swept: (*cells).cycle,
                    free,
                    free_cells,
                    ..b
                },
            );
            *list = block;
            // If no step is being made, nobody looks at it.
            (*self.gc()).work -= BLOCK_WORK + LINE_WORK * b.cells.min(BLOCK / 64) as i64;
        }
    }

    /// Takes a block in which nothing lives out of the pool, or out of the last chunk.
    pub(crate) fn take_empty_block(self) -> Option<u32> {
        // SAFETY: plain fields; the pool lists blocks.
        unsafe {
            let cells = &raw const (*self.vm()).cells;
            let none = (*cells).pool == 0 && (*cells).chunk == (*cells).chunk_end;
            if none { None } else { self.take_block().ok() }
        }
    }

    fn take_block(self) -> Result<u32, NoMemory> {
        // SAFETY: plain fields.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            if (*cells).pool == 0 && (*cells).chunk == (*cells).chunk_end {
                self.grow_pool()?;
            }
            let block = (*cells).pool;
            if block != 0 {
                (*cells).pool = self.get::<Block>(block).next;
                return Ok(block);
            }
            let block = (*cells).chunk;
            (*cells).chunk += BLOCK;
            Ok(block)
        }
    }

    fn grow_pool(self) -> Result<(), NoMemory> {
        // SAFETY: plain fields; the chunk is fresh memory of the region.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            let mut blocks = (*cells).chunk_blocks;
            let chunk = loop {
                match self.reserve_free(blocks * BLOCK, BLOCK) {
                    Ok(chunk) => break chunk,
                    Err(NoMemory) if blocks > 1 => blocks /= 2,
                    Err(NoMemory) => {
                        // Blocks that nobody has looked at since the collection may be empty.
                        self.sweep_all();
                        return if (*cells).pool != 0 {
                            Ok(())
                        } else {
                            Err(NoMemory)
                        };
                    }
                }
            };
            (*cells).chunk = chunk;
            (*cells).chunk_end = chunk + blocks * BLOCK;
            Ok(())
        }
    }

    /// Finishes the sweep of every block.
    pub(crate) fn sweep_all(self) {
        while self.sweep_one_block() {}
    }

    /// Sweeps one block that waits for it; false when there is none.
    pub(crate) fn sweep_one_block(self) -> bool {
        (0..CLASSES).any(|class| self.sweep_block_of(class))
    }

    fn sweep_block_of(self, class: usize) -> bool {
        // SAFETY: plain fields.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            for list in 0..2 {
                let block = (*cells).unswept[list][class];
                if block != 0 {
                    (*cells).unswept[list][class] = self.get::<Block>(block).next;
                    self.sweep_block(block);
                    return true;
                }
            }
            false
        }
    }

    /// After marking: every block waits for its sweep, free lists start empty. No block
    /// waits already.
    pub(crate) fn unsweep_all(self) {
        // SAFETY: plain fields.
        unsafe {
            let cells = &raw mut (*self.vm()).cells;
            (*cells).cycle = (*cells).cycle.wrapping_add(1);
            (*cells).free = [0; CLASSES];
            #[cfg(feature = "extra-checks")]
            {
                (*self.vm()).hidden = [0; CLASSES];
            }
            (*cells).unswept = [(*cells).swept, (*cells).ready];
            (*cells).swept = [0; CLASSES];
            (*cells).ready = [0; CLASSES];
        }
    }

    /// Calls `f` with every cell in use.
    pub(crate) fn for_each_cell(self, mut f: impl FnMut(u32)) {
        // SAFETY: plain fields.
        unsafe {
            let cells = &raw const (*self.vm()).cells;
            for class in 0..CLASSES {
                for mut block in [
                    (*cells).swept[class],
                    (*cells).ready[class],
                    (*cells).unswept[0][class],
                    (*cells).unswept[1][class],
                ] {
                    while block != 0 {
                        let b: Block = self.get(block);
                        for i in 0..b.cells {
                            let cell = block + BLOCK_HEADER + i * b.cell_size;
                            if self.header(cell).kind != 0 {
                                f(cell);
                            }
                        }
                        block = b.next;
                    }
                }
            }
        }
    }
}
