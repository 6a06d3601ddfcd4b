export { Admin, type AdminCallOptions, type AdminOptions, type CreateTopicsOptions } from './admin.js';
export type { CreatedTopic, NewTopic, TopicListing, TopicResult } from './topics.js';
