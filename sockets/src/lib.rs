//! ringmq
