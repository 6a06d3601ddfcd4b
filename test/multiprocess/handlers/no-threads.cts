import threads = require('node:worker_threads');

// Loaded before everything else, it keeps every thread from starting, as a bundle does that lacks the files of threads.
if (!threads.isMainThread) throw new Error('not in a thread');
