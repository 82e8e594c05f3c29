/** The door of the suites' helpers: a cluster to place copies in. */
export { aRequest, idsOf, situation } from './situations.ts';
