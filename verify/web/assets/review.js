// Behaviour of a review's page.
