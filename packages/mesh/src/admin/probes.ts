import type { AdminRoute } from './admin-server.ts';

/** Whether this node should get calls. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** What probes ask. */
export interface ProbeSources {
  readonly readiness: () => Readiness;
  /** False: the process should be killed. It is never false because something else is away, as in ModelMesh (spec §6.8). */
  readonly isLive: () => boolean;
}

/** `/ready`: 200, or 503 with the reason. `/live`: 200, or 500. */
export function probeRoutes({ readiness, isLive }: ProbeSources): ReadonlyMap<string, AdminRoute> {
  return new Map<string, AdminRoute>([
    [
      '/ready',
      () => {
        const state = readiness();
        return state.ready ? { status: 200, body: 'ready\n' } : { status: 503, body: `not ready: ${state.reason}\n` };
      },
    ],
    ['/live', () => (isLive() ? { status: 200, body: 'live\n' } : { status: 500, body: 'not live\n' })],
  ]);
}
