/** The door of the room: comparers of plug-ins. */
export { type ComparerPlugin, defineComparer } from './define-comparer.ts';
