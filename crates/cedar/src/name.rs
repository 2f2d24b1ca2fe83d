//! The names of entity types: each thread remembers those that it has read lately, for reading one costs more than the
//! rest of a uid. Uids of one type share its name.

use std::cell::RefCell;

use cedar_policy_core::ast::{Eid, EntityType, EntityUID};
use hashbrown::HashMap;
use smol_str::SmolStr;

/// How many a thread remembers. Whoever sends more of them makes everybody read again, and no more than that.
const REMEMBERED: usize = 1_000;

/// The longest that is remembered, or read at all here: what a thread remembers stays small.
const MAX_BYTES: usize = 256;

thread_local! {
    static READ: RefCell<HashMap<SmolStr, EntityType>> = RefCell::new(HashMap::new());
}

/// The uid of these two parts; none where only Cedar's own reader can say what is wrong, or the name is very long.
pub(crate) fn uid(type_name: &str, id: &str) -> Option<EntityUID> {
    Some(EntityUID::from_components(entity_type(type_name)?, Eid::new(id), None))
}

fn entity_type(name: &str) -> Option<EntityType> {
    READ.with_borrow_mut(|read| {
        if let Some(known) = read.get(name) {
            return Some(known.clone());
        }
        // What this lets through Cedar takes at a glance, or refuses with little effort.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
        if name.len() > MAX_BYTES || !name.bytes().all(plain) {
            return None;
        }
        let entity_type = EntityType::from_normalized_str(name).ok()?.with_loc(None);
        if read.len() >= REMEMBERED {
            read.clear();
        }
        read.insert(SmolStr::new(name), entity_type.clone());
        Some(entity_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_cedar_reads_them() {
        for name in [
            "User",
            "App::User",
            "_a::_1",
            "",
            "::",
            "A::",
            "::A",
            "A:B",
            "1A",
            "if",
            "A::in",
            "a b",
            "__cedar::A",
            "Ü",
        ] {
            let expected = EntityType::from_normalized_str(name).ok();
            for _ in 0..2 {
                assert_eq!(entity_type(name), expected, "{name}");
            }
        }
        assert!(entity_type(&"a".repeat(MAX_BYTES)).is_some() && entity_type(&"a".repeat(MAX_BYTES + 1)).is_none());
    }

    #[test]
    fn only_so_many_are_remembered() {
        for number in 0..=3 * REMEMBERED {
            assert!(entity_type(&format!("T{number}")).is_some());
            assert!(READ.with_borrow(HashMap::len) <= REMEMBERED);
        }
    }
}
