//! Lists that are filled again at each reading without giving their memory back. Used by the readers of devices.

use chatops_schemas::event::metric::{Disk, Interface, Sensor};

/// An entry of a list in a sample that is told apart by its name.
pub(crate) trait Named: Default {
    fn name(&mut self) -> &mut String;
}

macro_rules! named {
    ($($entry:ty),*) => {$(
        impl Named for $entry {
            fn name(&mut self) -> &mut String {
                &mut self.name
            }
        }
    )*};
}
named!(Disk, Interface, Sensor);

/// The entry at `index`, empty but for its `name`. Devices keep their order, so the name is nearly always there already.
pub(crate) fn slot<'list, T: Named>(
    list: &'list mut Vec<T>,
    index: usize,
    name: &str,
) -> &'list mut T {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    let entry = &mut list[index];
    // Nothing of the reading before may stay, but the memory of the name may.
    let mut kept = std::mem::take(entry.name());
    if kept != name {
        name.clone_into(&mut kept);
    }
    *entry = T::default();
    *entry.name() = kept;
    entry
}
