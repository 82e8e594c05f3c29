const GRPC = 'application/grpc';

/** Whether a content type is gRPC's own; gRPC-Web is not, it goes the way of HTTP. */
export function isGrpcContentType(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith(GRPC)) return false;
  const next = contentType[GRPC.length];
  return next === undefined || next === '+' || next === ';';
}
