/** The door of the room: what V2 JSON costs on its way to protobuf and back. */
export { CONVERSION_MAX, type ConversionFigures, conversionHolds, runConversion } from './conversion.ts';
export { END_TO_END_MAX, type EndToEndFigures, endToEndHolds, runEndToEnd } from './end-to-end.ts';
export { conversionTable, endToEndTable } from './report.ts';
