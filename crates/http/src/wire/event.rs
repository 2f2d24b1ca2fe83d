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

kind!(
    /// The signed head of the events.
    EventHead => members(
        "A JWS in flattened JSON serialization (RFC 7515, section 7.2.2) about the newest event.",
        vec![
            (
                "payload",
                bare(Text),
                "base64url of the canonical form (RFC 8785) of an object with `v` (1), `type` (`event_chain_head`), \
                 `zone_id`, `seq` and `sha256` of the newest event, `at` and `key_id`.",
            ),
            (
                "protected",
                bare(Text),
                "base64url of the protected header: `alg` (`RS256`), `kid`, `typ` (`event-chain-head+jws`).",
            ),
            ("signature", bare(Text), "base64url of the signature over `protected || \".\" || payload`."),
        ],
    )
);
