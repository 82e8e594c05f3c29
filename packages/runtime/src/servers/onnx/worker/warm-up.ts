import type { Ort } from './ort.ts';

/** An ONNX file with one Identity operator from x to y, one float each. */
const IDENTITY_MODEL =
  'CAgSEW1vZGVsbWVzaC10ZXN0aW5nOjsKEAoBeBIBeSIISWRlbnRpdHkSBWdyYXBoWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEQ==';

/**
 * Loads and runs the smallest model there is: the first session of a thread sets up things that stay, which no model should be charged for,
 * and a binary that does not work here is found out before the mesh is told that the runtime is ready.
 */
export async function warmUp(ort: Ort): Promise<void> {
  const session = await ort.InferenceSession.create(Buffer.from(IDENTITY_MODEL, 'base64'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  await session.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]) });
  await session.release();
}
