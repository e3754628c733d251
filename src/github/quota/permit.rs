//! Permission to send one request.

use std::sync::{Arc, Mutex};

use tokio::sync::OwnedSemaphorePermit;

use super::api_resource::ApiResource;
use super::budget::RateLimitStatus;
use super::hourly_cap::HourlyCap;
use super::limiter_state::lock;
use super::permit_request::PermitRequest;
use super::shared_limiter::SharedLimiter;

/// Permission to send one request. If it is dropped without being settled, as when its future is
/// cancelled, the request counts as spent: GitHub may have received it.
pub struct RequestPermit {
    limiter: Arc<SharedLimiter>,
    account: Option<u64>,
    resource: ApiResource,
    reserved: u64,
    cap: Option<Arc<Mutex<HourlyCap>>>,
    settled: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl RequestPermit {
    pub(super) fn new(
        limiter: Arc<SharedLimiter>,
        request: PermitRequest<'_>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let account = limiter.lock().account;
        RequestPermit {
            limiter,
            account,
            resource: request.resource,
            reserved: request.cost,
            cap: request.cap.cloned(),
            settled: false,
            _permit: permit,
        }
    }

    /// The request has ended and cost so many points; `status` is the limit that its response
    /// reported.
    pub fn settle(mut self, cost: u64, status: Option<RateLimitStatus>) {
        self.settled = true;
        self.release(cost, status);
    }

    fn release(&self, cost: u64, status: Option<RateLimitStatus>) {
        self.limiter.lock().settle(self.account, self.resource, self.reserved, cost, status);
        if let Some(cap) = &self.cap {
            lock(cap).settle(self.reserved, cost);
        }
        self.limiter.wake_waiters();
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        if !self.settled {
            self.release(self.reserved, None);
        }
    }
}
