//! The processor's own tables: segments, the task state with its stacks for
//! interrupts, and the interrupt descriptor table.
//!
//! Called once, by `main`, before anything can fault. Must never allocate.

use crate::stack::{DOUBLE_FAULT, FAULT, TIMER};
use crate::{interrupts, timer};
use spin::Once;
use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::tables::load_tss;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::idt::InterruptDescriptorTable;
use x86_64::structures::tss::TaskStateSegment;

/// Entries of the interrupt stack table.
#[derive(Clone, Copy)]
#[repr(u16)]
pub enum InterruptStack {
    /// All exceptions but the double fault.
    Fault = 0,
    /// The double fault.
    DoubleFault = 1,
    /// The timer.
    Timer = 2,
}

struct Segments {
    table: GlobalDescriptorTable,
    code: SegmentSelector,
    data: SegmentSelector,
    task: SegmentSelector,
}

static TASK_STATE: Once<TaskStateSegment> = Once::new();
static SEGMENTS: Once<Segments> = Once::new();
static INTERRUPTS: Once<InterruptDescriptorTable> = Once::new();

/// Loads all the tables. From here on an exception is reported.
pub fn init() {
    let task_state = TASK_STATE.call_once(|| {
        let mut task_state = TaskStateSegment::new();
        let mut set = |entry: InterruptStack, top: u64| {
            task_state.interrupt_stack_table[entry as usize] = VirtAddr::new(top);
        };
        set(InterruptStack::Fault, FAULT.range().end);
        set(InterruptStack::DoubleFault, DOUBLE_FAULT.range().end);
        set(InterruptStack::Timer, TIMER.range().end);
        task_state
    });
    let segments = SEGMENTS.call_once(|| {
        let mut table = GlobalDescriptorTable::new();
        let code = table.append(Descriptor::kernel_code_segment());
        let data = table.append(Descriptor::kernel_data_segment());
        let task = table.append(Descriptor::tss_segment(task_state));
        Segments {
            table,
            code,
            data,
            task,
        }
    });
    segments.table.load();
    // SAFETY: the selectors are those of the table just loaded, which is static:
    // a 64-bit code segment, a writable data segment, an unused task state.
    unsafe {
        CS::set_reg(segments.code);
        SS::set_reg(segments.data);
        DS::set_reg(segments.data);
        ES::set_reg(segments.data);
        load_tss(segments.task);
    }

    INTERRUPTS
        .call_once(|| {
            let mut table = InterruptDescriptorTable::new();
            interrupts::install(&mut table);
            timer::install(&mut table);
            table
        })
        .load();
}
