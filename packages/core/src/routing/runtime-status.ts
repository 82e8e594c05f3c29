/** What a status of the runtime says about the model and about the work, spec §2.3. */

/** The gRPC codes that decide anything here. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;

/** `final`: the runtime's answer to the client, whatever it says. */
export type StatusMeaning = 'model-lost' | 'unavailable' | 'exhausted' | 'final';

/** Reads a status that is not OK. Two runtimes say "model lost" in words of their own. */
export function meaningOf(code: number, message: string): StatusMeaning {
  if (code === NOT_FOUND || isTritonLost(code, message) || isMlserverLost(code, message)) return 'model-lost';
  if (code === UNAVAILABLE) return 'unavailable';
  return code === RESOURCE_EXHAUSTED ? 'exhausted' : 'final';
}

/** Triton: UNAVAILABLE `Request for unknown model: 'x' is not found`, or `… has no available versions`. */
const isTritonLost = (code: number, message: string): boolean =>
  code === UNAVAILABLE &&
  message.startsWith('Request for unknown model') &&
  (message.endsWith(' is not found') || message.endsWith(' has no available versions'));

/** MLServer: INVALID_ARGUMENT `Model x not found`. */
const isMlserverLost = (code: number, message: string): boolean =>
  code === INVALID_ARGUMENT && message.startsWith('Model ') && message.endsWith(' not found');
