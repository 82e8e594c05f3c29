/** How many threads the data plane has. */
import { setting } from './setting.ts';
import { integer, oneOf } from './value-kind.ts';

/** Far more than there are cores; each has connections of its own. */
const WORKERS_MAX = 64;

export const WORKER_SETTINGS = {
  workers: setting({
    path: 'workers',
    kind: integer(1, WORKERS_MAX),
    default: 1,
    live: false,
    doc: 'Workers of the data plane: threads that take calls at the same ports, each with connections of its own to the runtime and to other nodes. Several need Linux; elsewhere there is one. Bounds of waiting calls and of connections are divided among them, other limits hold for each.',
  }),
  workerThreads: setting<'auto' | 'always'>({
    path: 'workerThreads',
    kind: oneOf('auto', 'always'),
    default: 'auto',
    live: false,
    doc: '`auto`: one worker shares the thread of control, which takes less memory, starts sooner and answers management without a hop; several have a thread each. `always`: one worker has a thread of its own too, so that control never holds it up.',
  }),
};
