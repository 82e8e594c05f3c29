import { MeshError } from '@modelmesh/core';

/**
 * Environment that the C library must see before the process starts, so that freed memory goes back to the system and memory that is measured
 * is memory that is used: one arena, and trimming above 64 KiB. Without it glibc keeps about half of what models gave back.
 */
const ALLOCATOR_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' };

/** What whoever starts a runtime process must add to its environment. */
export function runtimeEnvironment(): Readonly<Record<string, string>> {
  return ALLOCATOR_ENVIRONMENT;
}

/** @throws {MeshError} `invalid-argument` that lists the variables which are missing or differ in `environment`. */
export function checkRuntimeEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
  const wrong = Object.entries(ALLOCATOR_ENVIRONMENT)
    .filter(([name, value]) => environment[name] !== value)
    .map(([name, value]) => `${name}=${value} (is ${environment[name] ?? 'not set'})`);
  if (wrong.length === 0) return;
  throw new MeshError(
    'invalid-argument',
    `the allocator must be set up before the runtime starts, else unloaded models keep their memory; start it with ${wrong.join(' and ')}`,
  );
}
