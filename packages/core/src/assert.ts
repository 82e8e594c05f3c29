/** A broken promise of our own code: logged with its stack and counted, its text never sent to a client. */
export class Bug extends Error {
  override readonly name = 'Bug';
}

/** @throws {Bug} unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (condition !== true && !condition) throw new Bug(message);
}

/** Ends an exhaustive switch: does not compile while a case is missing. @throws {Bug} always. */
export function assertNever(value: never): never {
  throw new Bug(`unexpected case ${JSON.stringify(value)}`);
}
