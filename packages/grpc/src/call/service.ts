import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { BidiHandler, ClientStreamHandler, ServerStreamHandler, UnaryHandler } from './context.ts';

type HandlerOf<Kind, I extends DescMessage, O extends DescMessage> = Kind extends 'unary'
  ? UnaryHandler<MessageShape<I>, MessageInitShape<O>>
  : Kind extends 'client_streaming'
    ? ClientStreamHandler<MessageShape<I>, MessageInitShape<O>>
    : Kind extends 'server_streaming'
      ? ServerStreamHandler<MessageShape<I>, MessageInitShape<O>>
      : BidiHandler<MessageShape<I>, MessageInitShape<O>>;

/** The handler that a described method needs. */
export type MethodHandler<M extends Pick<DescMethod, 'input' | 'output' | 'methodKind'>> = HandlerOf<
  M['methodKind'],
  M['input'],
  M['output']
>;

/** The handlers of a service, by the methods' local names. A method without a handler answers UNIMPLEMENTED. */
export type ServiceHandlers<Service extends Pick<DescService, 'method'>> = {
  readonly [Name in keyof Service['method']]?: MethodHandler<Service['method'][Name]>;
};
