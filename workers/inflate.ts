/** What a thread of a MultiProcessConsumer does for messages that are read in the main thread. */
export { inflate as default } from '../src/multiprocess/thread/inflate.js';
