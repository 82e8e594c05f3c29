/** The door for whoever starts a runtime process. */
import { fileURLToPath } from 'node:url';

export { RUNTIME_VARIABLES } from './config/index.ts';
export { runtimeEnvironment } from './memory/index.ts';

/** Path of the program to run with Node: source beside sources (`--conditions=mesh-source`), JavaScript where the package was built. */
export function runtimeEntry(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));
}
