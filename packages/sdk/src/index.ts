/** The package's door is that of its rooms; `@modelmesh/sdk/client` is the first of them. */
export type * from './client/index.ts';
