//! Events. They go out exactly as the model writes them, since that is what is chained; here they are only described.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::Type::{Integer, Object, String as Text},
    },
};

use super::kinds::{Id, Sha256, Timestamp, bare, kind, members, reference};

kind!(
    /// An event.
    ZoneEvent => members(
        "One recorded change.",
        vec![
            ("zone_id", reference::<Id>(), "The zone."),
            ("seq", bare(Integer), "1, 2, 3 … within the zone, without gaps."),
            ("kind", bare(Text), "What happened, such as `binding.bound`."),
            ("actor", bare(Text), "Who did it."),
            ("at", reference::<Timestamp>(), "When."),
            ("body", bare(Object), "From what to what."),
            ("prev_sha256", reference::<Sha256>(), "The digest of the event before; null on the first."),
            ("sha256", reference::<Sha256>(), "SHA-256 over the canonical form (RFC 8785) of all members above."),
        ],
    )
);
