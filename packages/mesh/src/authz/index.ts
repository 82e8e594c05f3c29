/** The door of the room: who calls, and whether that is allowed. */
export { allowAll } from './allow-all.ts';
export { type Action, type Authorizer, type Principal, principalOf, type Verdict } from './port.ts';
