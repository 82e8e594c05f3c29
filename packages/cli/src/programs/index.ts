/** The door of the room: the programs that the command line starts and never imports. */
export { NODE_FLAGS, nodeCommand, programPath } from './programs.ts';
export { runRegistryTool, type ToolReport } from './run-tool.ts';
