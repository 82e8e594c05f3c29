/** Which models a server holds, and who waits for what. */
export { LOADS_MAX, ModelBook, type ModelBookActions } from './model-book.ts';
