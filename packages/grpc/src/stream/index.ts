/** The door of the room: the stream port, its limits and header blocks, and the engine on `node:http2`. */
export { createFrameEngine, type FrameEngineOptions } from './frames/index.ts';
export { headerBlock, headerListBytes, headerRecipe } from './header-block.ts';
export { DEFAULT_STREAM_LIMITS, STREAM_LIMIT_DEFAULTS, type StreamLimitName } from './limits.ts';
export { createNodeHttp2Engine, type NodeHttp2EngineOptions } from './node-http2/index.ts';
export { keepBeyondTurn, POISON_BYTE } from './ownership.ts';
export {
  type AcceptStream,
  type ByteStream,
  type ClientConnection,
  type ClientConnectionState,
  type ClientTls,
  type ConnectionInfo,
  type ConnectTarget,
  CREDIT_SLACK,
  type HeaderBlock,
  type HeaderRecipe,
  RESET_CODE,
  type RefuseStream,
  type ResetCause,
  type ServerConnection,
  type StreamEngine,
  type StreamHandler,
  type StreamLimits,
} from './port.ts';
export { SILENT } from './silent.ts';
