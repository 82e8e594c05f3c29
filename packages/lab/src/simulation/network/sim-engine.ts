import type { Clock } from '@modelmesh/core';
import type { ClientConnection, ConnectTarget, ServerConnection, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import { SimConnection } from './connection.ts';
import type { Endpoint, Network } from './network.ts';

/** The stream engine of one process in the simulated network: what connects here is production's own data plane. */
export class SimEngine implements StreamEngine {
  readonly name = 'simulated';
  readonly #network: Network;
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;

  constructor(network: Network, endpoint: Endpoint, clock: Clock) {
    this.#network = network;
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  /** Sockets there are none: a port is opened by {@link Network.listen}. @throws {Error} always */
  serve(): ServerConnection {
    throw new Error('the simulated network has no sockets');
  }

  connect(target: ConnectTarget, limits: StreamLimits): ClientConnection {
    return new SimConnection(this.#network, this.#endpoint, this.#clock, target, limits);
  }
}
