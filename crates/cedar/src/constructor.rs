//! The functions that make extension values from strings: `ip`, `decimal`, `datetime`, `duration`.

use std::sync::LazyLock;

use cedar_policy_core::{
    FromNormalizedStr,
    ast::{ExtensionFunction, Literal, Name, PartialValue, Value},
    entities::SchemaType,
    extensions::Extensions,
};
use smol_str::SmolStr;

/// One of them: Cedar's own function, so what is accepted here and what it makes are what Cedar accepts and makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constructor {
    pub(crate) name: &'static str,
    function: &'static ExtensionFunction,
}

static ALL: LazyLock<Vec<Constructor>> = LazyLock::new(|| {
    let found = |name: &'static str| {
        let function = Extensions::all_available().func(&Name::from_normalized_str(name).ok()?).ok()?;
        function.is_single_arg_constructor().then_some(Constructor { name, function })
    };
    ["ip", "decimal", "datetime", "duration"].into_iter().filter_map(found).collect()
});

impl Constructor {
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|own| own.name == name).copied()
    }

    /// The one that makes values of that type; Cedar has one for each.
    pub(crate) fn of_type(name: &Name) -> Option<Self> {
        let makes = |own: &&Self| match own.function.return_type() {
            Some(SchemaType::Extension { name: own }) => own == name,
            _ => false,
        };
        ALL.iter().find(makes).copied()
    }

    /// As Cedar's evaluator calls it. It does not recurse.
    pub(crate) fn call(self, text: &str) -> Option<Value> {
        let argument = Value::new(Literal::String(SmolStr::new(text)), None);
        match self.function.call(&[argument]).ok()? {
            PartialValue::Value(value) => Some(value),
            PartialValue::Residual(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_type_has_its_constructor() {
        for name in Extensions::all_available().ext_types() {
            assert!(Constructor::of_type(name).is_some(), "{name}");
        }
        assert_eq!(ALL.len(), 4);
        assert!(Constructor::named("offset").is_none() && Constructor::named("unknown").is_none());
    }
}
