//! Bytes that a check has booked on the run's budget, given back when they are let go.

use crate::table::{Budget, BudgetExceeded};

/// The name of this room on the budget.
const ROOM: &str = "check";

/// Bytes on the run's budget. Gives them back when it is dropped.
pub(super) struct Booked {
    budget: Budget,
    bytes: usize,
}

impl Booked {
    /// Nothing yet.
    pub(super) fn on(budget: &Budget) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    pub(super) fn take(budget: &Budget, bytes: usize) -> Result<Self, BudgetExceeded> {
        let mut booked = Self::on(budget);
        booked.grow(bytes)?;
        Ok(booked)
    }

    /// Another account on the same budget, of so many bytes.
    pub(super) fn another(&self, bytes: usize) -> Result<Self, BudgetExceeded> {
        Self::take(&self.budget, bytes)
    }

    /// Books so many bytes more.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.budget.take(ROOM, bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives some bytes back.
    pub(super) fn shrink(&mut self, bytes: usize) {
        self.budget.give_back(bytes);
        self.bytes -= bytes;
    }

    /// Books bytes that outlive this account: those until the end of the run.
    pub(super) fn until_the_run_ends(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.budget.take(ROOM, bytes)
    }

    /// Books room for so many more items of a list and makes it.
    pub(super) fn make_room<T>(&mut self, list: &mut Vec<T>, more: usize) -> Result<(), BudgetExceeded> {
        let (length, capacity) = (list.len(), list.capacity());
        if capacity - length >= more {
            return Ok(());
        }
        let wanted = (length + more).max(capacity + capacity / 2);
        self.grow((wanted - capacity) * size_of::<T>())?;
        list.reserve_exact(wanted - length);
        Ok(())
    }
}

impl Drop for Booked {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}
