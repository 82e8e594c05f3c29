import { MessageChannel } from 'node:worker_threads';
import { linkContract } from './contract.ts';
import { createInProcessLink, threadControlEnd, threadDataPlaneEnd } from './index.ts';

linkContract('on one thread', () => ({ ...createInProcessLink(), close: () => {} }));
linkContract('on one thread, copying', () => ({ ...createInProcessLink({ clone: true }), close: () => {} }));
linkContract('between threads', () => {
  const { port1, port2 } = new MessageChannel();
  return { control: threadControlEnd(port1), dataPlane: threadDataPlaneEnd(port2), close: () => port1.close() };
});
