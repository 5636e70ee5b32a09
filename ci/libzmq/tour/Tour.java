// A tour of libzmq's library in Java, by jzmq.

import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

public class Tour {
    static void check(boolean isSo, String what) {
        if (!isSo) {
            System.err.println("not so: " + what);
            System.exit(1);
        }
    }

    public static void main(String[] arguments) {
        ZMQ.Context context = ZMQ.context(1);

        // A question of two frames, and its answer.
        ZMQ.Socket rep = context.socket(ZMQ.REP);
        int port = rep.bindToRandomPort("tcp://127.0.0.1");
        ZMQ.Socket req = context.socket(ZMQ.REQ);
        req.connect("tcp://127.0.0.1:" + port);
        check(req.sendMore("two") && req.send("frames"), "both are sent");
        check(rep.recvStr().equals("two") && rep.hasReceiveMore(), "the first has come");
        check(rep.recvStr().equals("frames") && !rep.hasReceiveMore(), "the second has come");
        check(rep.send("answer") && req.recvStr().equals("answer"), "it is answered");

        // What is subscribed to, and nothing else.
        ZMQ.Socket pub = context.socket(ZMQ.XPUB);
        ZMQ.Socket sub = context.socket(ZMQ.SUB);
        sub.subscribe("news".getBytes());
        pub.bind("inproc://news");
        sub.connect("inproc://news");
        check(pub.recvStr().equals("\u0001news"), "the subscription");
        pub.send("other");
        pub.send("news 1");
        check(sub.recvStr().equals("news 1"), "the news");
        check(sub.recv(ZMQ.DONTWAIT) == null, "no more of it");

        // A large message, and a poll for it.
        ZMQ.Socket pull = context.socket(ZMQ.PULL);
        ZMQ.Socket push = context.socket(ZMQ.PUSH);
        port = pull.bindToRandomPort("tcp://127.0.0.1");
        push.connect("tcp://127.0.0.1:" + port);
        check(push.send(new byte[100000], 0), "all of it");
        ZMQ.Poller poller = new ZMQ.Poller(1);
        poller.register(pull, ZMQ.Poller.POLLIN);
        check(poller.poll(20000) == 1 && poller.pollin(0), "it has come");
        check(pull.recv().length == 100000, "as it was");

        try {
            push.connect("nowhere");
            check(false, "that is no endpoint");
        } catch (ZMQException error) {
            check(error.getErrorCode() == 22, "why not");
        }
        for (ZMQ.Socket socket : new ZMQ.Socket[] {req, rep, pub, sub, push, pull}) {
            socket.close();
        }
        context.term();
        System.out.println("all is as it is with libzmq");
    }
}
