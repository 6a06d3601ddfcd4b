export { Admin, type AdminCallOptions, type CreateTopicsOptions } from './admin.js';
export type { CreatedTopic, NewTopic, TopicListing, TopicResult } from './topics.js';
