export type { Assignor, Member } from './assignors/assignor.js';
export { assignors, cooperativeStickyAssignor, rangeAssignor, roundRobinAssignor, stickyAssignor } from './assignors/index.js';
export { AutoMembership } from './auto-membership.js';
export { ClassicMembership, type ClassicMembershipSettings } from './classic-membership.js';
export { ConsumerMembership, type ConsumerMembershipSettings, type ServerPattern } from './consumer-membership.js';
export type { MemberSubscription } from './consumer-protocol.js';
export { isOfMembership, reactionTo } from './group-errors.js';
export type { MemberStanding, Membership, MembershipEvents, Rebalance } from './membership.js';
export { SubscribedTopics, type TopicFilter } from './subscribed-topics.js';
