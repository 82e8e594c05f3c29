import type { Authorizer, Verdict } from './port.ts';

const ALLOW: Verdict = { kind: 'allow' };

/** Lets everyone do everything: who may reach the port is the network's business. */
export const allowAll: Authorizer = { authorize: () => ALLOW };
