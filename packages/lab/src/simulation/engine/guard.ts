import nodeCrypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Everything by which a program could learn what the seed does not say: [the object that holds it, its name]. */
const DOORS: readonly (readonly [object, string])[] = [
  [Date, 'now'],
  [performance, 'now'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'setImmediate'],
  [globalThis, 'fetch'],
  [Math, 'random'],
  [AbortSignal, 'timeout'],
  [process, 'hrtime'],
  [process, 'uptime'],
  [globalThis.crypto, 'randomUUID'],
  [globalThis.crypto, 'getRandomValues'],
  [nodeCrypto, 'randomUUID'],
  [nodeCrypto, 'randomBytes'],
  [nodeCrypto, 'randomInt'],
];

/**
 * Shuts the doors to the real world: wall clock, timers, chance and `fetch` throw, and `onUse` hears of it, since what throws deep inside may
 * be caught there. The returned function opens them again.
 */
export function shutWorldOut(onUse: (what: string) => void): () => void {
  const restore = DOORS.map(([holder, name]) => {
    const before = Object.getOwnPropertyDescriptor(holder, name);
    const refuse = (): never => {
      onUse(name);
      throw new Error(`${name} was used inside the simulation`);
    };
    Object.defineProperty(holder, name, {
      value: refuse,
      configurable: true,
      writable: true,
      enumerable: before?.enumerable ?? true,
    });
    return (): void => {
      if (before === undefined) Reflect.deleteProperty(holder, name);
      else Object.defineProperty(holder, name, before);
    };
  });
  const RealDate = Date;
  globalThis.Date = new Proxy(RealDate, {
    construct(target, given, asked) {
      if (given.length > 0) return Reflect.construct(target, given, asked);
      onUse('new Date()');
      throw new Error('new Date() was used inside the simulation');
    },
  });
  syncBuiltinESMExports();
  return () => {
    globalThis.Date = RealDate;
    for (const one of restore) one();
    syncBuiltinESMExports();
  };
}
