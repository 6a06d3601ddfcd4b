/** What a thread of a MultiProcessConsumer runs. */
export { serve as default } from '../src/multiprocess/thread/serve.js';
