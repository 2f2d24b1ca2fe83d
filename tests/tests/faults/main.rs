//! What a machine can do to a server, other than kill it: a full disk, a disk that cannot be written, clients that go away.

mod aborts;
mod full_disk;
mod read_only;
mod support;
