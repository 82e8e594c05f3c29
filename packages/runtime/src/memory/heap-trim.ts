/**
 * A function that gives free pages between blocks of the C library's heap back to the system, malloc_trim(3): by itself glibc returns only what is free
 * at the end of its heap, and a few blocks that live long keep tens of MiB of holes that models left. Takes a few milliseconds. It does nothing where the
 * C library has no such function (musl) or Node may not call it.
 */
export function createHeapTrim(): () => void {
  const { emitWarning } = process;
  // Node warns in every thread that calls of C are an experiment. The pinned Node has them; another one without them goes on without trimming.
  process.emitWarning = () => {};
  try {
    const ffi = process.getBuiltinModule('node:ffi');
    const { functions } = ffi.dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } });
    return () => void functions.malloc_trim(0n);
  } catch {
    return () => {};
  } finally {
    process.emitWarning = emitWarning;
  }
}
