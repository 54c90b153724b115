//! How much memory a service keeps while it waits.

/// Lets the threads of a service share two heaps. glibc gives each thread one of its own, and keeps what was freed in it: of
/// the ten threads of `up`, each of which works for a moment at a time, that was a third of its own memory. Runs are processes of their own
/// and are not touched. To be called before there are threads.
pub(super) fn share() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets a number of the allocator, under the allocator's own lock. Where it does not take it nothing changes.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
