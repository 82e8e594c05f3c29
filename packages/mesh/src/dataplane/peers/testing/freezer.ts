import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a port that can be frozen as a process that was stopped is: connections stay, new ones are taken, and nothing moves. */
export class Freezer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #frozen = false;

  private constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port: to });
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        if (this.#frozen) from.pause();
        from.on('data', (bytes) => into.write(bytes));
        if (this.#frozen) from.pause();
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          into.destroy();
        });
      }
    });
  }

  /** Listens on a free port in front of `to`. */
  static async before(to: number): Promise<Freezer> {
    const freezer = new Freezer(to);
    await new Promise<void>((resolve) => freezer.#server.listen(0, '127.0.0.1', resolve));
    return freezer;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
