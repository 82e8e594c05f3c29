import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { type Clock, type DurationMs, toMeshError } from '@modelmesh/core';
import { readTlsMaterial, tlsPaths } from '../../certificates/index.ts';
import type { TlsConfig } from '../../config/index.ts';
import { watchFiles } from '../../files/index.ts';
import type { Log } from '../../log/index.ts';

/** What a TLS door needs. */
export interface TlsDoorParts {
  readonly config: TlsConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly handshakeTimeoutMs: DurationMs;
  /** A connection whose handshake is done. */
  readonly onSecure: (socket: TLSSocket) => void;
}

/** Makes TLS connections of accepted sockets. Its files are watched; a change that cannot be used leaves the old certificate in force. */
export class TlsDoor {
  readonly #parts: TlsDoorParts;
  readonly #server: Server;
  #config: TlsConfig;
  #material: SecureContextOptions;
  #stopWatching: () => void;

  /** @throws {MeshError} `invalid-argument` if the files cannot be used. */
  constructor(parts: TlsDoorParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#material = readTlsMaterial(parts.config);
    const { clientAuth } = parts.config;
    // Never listens itself: sockets are handed to it.
    this.#server = createServer({
      ...this.#material,
      ALPNProtocols: ['h2', 'http/1.1'],
      requestCert: clientAuth !== 'none',
      rejectUnauthorized: clientAuth === 'require',
      handshakeTimeout: parts.handshakeTimeoutMs,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error, socket) => {
      parts.log.debug('tls-handshake-failed', 'a TLS handshake failed', { remoteAddress: socket.remoteAddress, error });
      // Node leaves it open, also when the handshake took too long.
      socket.destroy();
    });
    this.#stopWatching = this.#watch();
  }

  /** Starts the handshake on a socket, whose first bytes may have been read and unshifted. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Takes files of other names. @throws {MeshError} `invalid-argument` if they cannot be used: the old ones stay in force. */
  use(config: TlsConfig): void {
    this.#replace(readTlsMaterial(config));
    this.#config = config;
    this.#stopWatching();
    this.#stopWatching = this.#watch();
  }

  close(): void {
    this.#stopWatching();
  }

  #watch(): () => void {
    return watchFiles(tlsPaths(this.#config), this.#parts.clock, () => this.#reload());
  }

  #reload(): void {
    const { log } = this.#parts;
    const { certPath } = this.#config;
    try {
      const material = readTlsMaterial(this.#config);
      if (JSON.stringify(material) === JSON.stringify(this.#material)) return;
      this.#replace(material);
      log.info('tls-replaced', 'certificates were read anew; new connections see them', { certPath });
    } catch (error) {
      const mesh = toMeshError(error);
      log.error('tls-kept', `the certificate in force stays: ${mesh.message}`, { certPath, error: mesh });
    }
  }

  #replace(material: SecureContextOptions): void {
    this.#server.setSecureContext(material);
    this.#material = material;
  }

  #secured(socket: TLSSocket): void {
    // With optional certificates Node lets one pass that nobody trusts; ModelMesh does not.
    if (this.#config.clientAuth === 'optional' && !socket.authorized && socket.getPeerX509Certificate() !== undefined) {
      const { remoteAddress } = socket;
      this.#parts.log.debug('tls-client-refused', 'a client showed a certificate that is not trusted', { remoteAddress });
      socket.destroy();
      return;
    }
    this.#parts.onSecure(socket);
  }
}
