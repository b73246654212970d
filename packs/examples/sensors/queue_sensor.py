"""A sensor that looks at a queue now and then."""

from st2reactor.sensor.base import PollingSensor


class QueueSensor(PollingSensor):
    def setup(self):
        self.limit = 100

    def poll(self):
        length = 0
        if length > self.limit:
            self.sensor_service.dispatch(trigger="examples.queue_long", payload={"length": length})

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
